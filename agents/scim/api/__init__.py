"""SCIM over HTTP: plain views, without sessions, cookies or serializers."""
