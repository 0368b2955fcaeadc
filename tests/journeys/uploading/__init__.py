"""Journeys of uploaders."""
