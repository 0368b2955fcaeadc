"""Tests of what the server stores: rows, files, and their directory."""
