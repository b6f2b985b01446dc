"""Signing in: django-allauth's flows in the portal's own look, its limits, and its record in the ledger."""
