"""Rows that are copied from one catalogue to another."""
