"""Servers that tests start: stageproxy and others."""
