"""Tests of the commands, against a server in a process of its own."""
