"""Resources of the index, its pages, and how a stage changes them."""
