"""Tests of connections, from the socket to the application."""
