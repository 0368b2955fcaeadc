"""Accepting what is uploaded: examined, checked by PyPI's rules, and stored in a stage."""
