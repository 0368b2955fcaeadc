"""Here is what a stage is and becomes."""
