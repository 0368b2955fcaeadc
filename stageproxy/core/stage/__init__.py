"""Stages: their artifacts, what they accept, and how an index would list them."""
