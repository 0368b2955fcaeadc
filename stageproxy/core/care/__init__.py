"""The care of a data directory: what fsck finds wrong in it, and what to do about it."""
