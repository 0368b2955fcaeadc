"""Tests of the impact of a release."""
