"""Tests of what the index says."""
