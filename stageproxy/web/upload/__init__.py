"""Uploads over HTTP: the legacy API and PEP 694."""
