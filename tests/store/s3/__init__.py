"""Tests of the files in a bucket."""
