"""Tests of the services, without HTTP."""
