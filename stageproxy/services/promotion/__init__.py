"""Publishing a stage, step by step."""
