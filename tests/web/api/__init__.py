"""Tests of `/api/`."""
