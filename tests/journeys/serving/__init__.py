"""Journeys of a server behind others, and of its end."""
