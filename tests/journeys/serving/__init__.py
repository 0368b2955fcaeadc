"""Journeys of a server behind a proxy, and of its end."""
