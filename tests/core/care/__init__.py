"""Tests of the care of data directories."""
