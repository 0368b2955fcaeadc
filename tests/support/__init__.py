"""Builders and fakes that the tests share."""
