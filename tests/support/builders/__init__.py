"""Builders of stages, distributions, forms and hostile archives."""
