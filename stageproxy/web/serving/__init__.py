"""Connections and what limits them: from an accepted socket to the application."""
