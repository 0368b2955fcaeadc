"""Tests of the documents of an index."""
