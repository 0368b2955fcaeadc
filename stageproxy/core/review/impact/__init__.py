"""The impact of a release: which file an installer chooses for each target, and what users lose."""
