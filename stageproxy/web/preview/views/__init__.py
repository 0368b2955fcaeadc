"""What the stage page shows of a stage and its review: pure functions for the templates."""
