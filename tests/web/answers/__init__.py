"""Tests of `stageproxy/web/answers/`."""
