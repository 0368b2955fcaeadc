"""What a reviewer has to know of the files that a release adds or changes."""
