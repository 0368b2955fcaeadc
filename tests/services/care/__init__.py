"""Tests of `stageproxy/services/care/`."""
