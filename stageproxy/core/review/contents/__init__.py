"""What is in an artifact, as a review needs it. All of this runs in a child process only."""
