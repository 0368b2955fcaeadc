"""Tests of the services, below HTTP."""
