"""Bounded reading of wheels, sdists and their metadata."""
