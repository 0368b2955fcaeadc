"""Tests of the service over HTTP: what clients see."""
