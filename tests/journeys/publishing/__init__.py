"""Journeys of promotions to real indexes."""
