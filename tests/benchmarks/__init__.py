"""Tests of the arithmetic of the benchmarks, and of their page."""
