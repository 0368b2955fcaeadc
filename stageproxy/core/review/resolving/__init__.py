"""Whether a release can be installed with what it requires: the algorithm of pip, over an index."""
