"""Support of tests of promotions."""
