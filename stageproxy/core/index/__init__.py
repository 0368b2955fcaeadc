"""Here is what the index says: its resources, its pages, and how a stage changes them."""
