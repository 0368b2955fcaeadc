"""Tests of what is kept: rows, files, and the directory they are in."""
