"""The care of a data directory: its check and repair, expiry, and readiness."""
