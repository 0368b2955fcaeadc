"""Tests of what a stage is and becomes."""
