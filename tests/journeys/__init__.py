"""Whole ways through the service, with real clients and real processes."""
