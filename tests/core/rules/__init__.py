"""Tests of the rules on uploads."""
