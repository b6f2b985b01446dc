"""Scanner reports: one short module a format, one shape (`shape`), one way in (`reading.read`)."""
