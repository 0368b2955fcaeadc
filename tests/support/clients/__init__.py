"""Clients that tests use: our own requests, installers and uploaders."""
