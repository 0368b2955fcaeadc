"""Clients of tests: plain requests, installers and uploaders."""
