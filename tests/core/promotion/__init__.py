"""Tests of how a stage is published."""
