"""Tests of `stageproxy review`."""
