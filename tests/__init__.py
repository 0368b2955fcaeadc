"""Tests of stageproxy, foldered as ARCHITECTURE.md says."""
