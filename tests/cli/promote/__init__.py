"""Tests of `stageproxy promote`."""
