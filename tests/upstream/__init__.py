"""Tests of what talks to PyPI, against a fake one on a local port."""
