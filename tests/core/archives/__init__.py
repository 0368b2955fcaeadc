"""Tests of how archives are read."""
