"""Journeys: real clients against real processes, end to end."""
