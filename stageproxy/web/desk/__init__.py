"""The desk: signing in, the stages somebody may see, and what to decide about them."""
