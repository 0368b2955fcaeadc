"""What changes from one release, or one candidate of a stage, to the next, subject by subject."""
