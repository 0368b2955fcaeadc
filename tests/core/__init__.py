"""Tests of the rules: no event loop, no fixtures, no I/O."""
