"""Tests of what changes from one release to the next."""
