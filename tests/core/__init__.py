"""Tests of the core: no event loop, no fixtures, no I/O."""
