"""Servers that tests start: ours, and others."""
