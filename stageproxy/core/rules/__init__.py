"""What PyPI says to an upload, as rules."""
