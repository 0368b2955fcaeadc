"""Journeys of releases that are tried, and of those who review them."""
