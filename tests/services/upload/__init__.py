"""Tests of `stageproxy/services/upload/`."""
