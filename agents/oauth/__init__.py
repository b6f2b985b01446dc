"""OAuth 2.0 for agents, without HTTP and without a database: keys, assertions, proofs, requests."""
