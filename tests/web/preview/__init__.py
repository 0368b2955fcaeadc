"""Tests of what stage URLs answer."""
