"""Tests of `stageproxy try`."""
