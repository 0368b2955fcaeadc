"""Tests of what PyPI will say to an upload."""
