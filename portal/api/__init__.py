"""The management API as a whole: its door, its addresses, its description."""
