"""SCIM 2.0 (RFC 7643, RFC 7644): a directory tells this portal who works here. Pure, but for `api`."""
