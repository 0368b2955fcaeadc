"""Tests of the services of reviews."""
