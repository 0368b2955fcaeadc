"""The comparison of two artifacts, subject by subject."""
