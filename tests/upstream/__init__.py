"""Tests of the HTTP clients for PyPI, against a fake one on a local port."""
