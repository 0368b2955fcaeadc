"""Tests of `stageproxy/cli/care/`."""
