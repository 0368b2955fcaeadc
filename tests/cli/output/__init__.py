"""Tests of `stageproxy/cli/output/`."""
