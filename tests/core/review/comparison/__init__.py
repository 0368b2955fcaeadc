"""Tests of the comparison of two artifacts."""
