"""What the stage page shows: pure functions."""
