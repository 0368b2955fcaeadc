"""Tests of `stageproxy/web/access/`."""
