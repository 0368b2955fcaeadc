"""Journeys of installers."""
