"""Tests of publishing a stage."""
