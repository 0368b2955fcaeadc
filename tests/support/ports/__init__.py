"""Fakes of the ports."""
