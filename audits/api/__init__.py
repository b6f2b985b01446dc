"""The management API: what every room's resources share, and those of the ledger."""
