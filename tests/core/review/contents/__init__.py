"""What is in an artifact, as a review needs it."""
