"""The management API of the register and of what agents do."""
