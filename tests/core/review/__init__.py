"""Tests of the review of a release."""
