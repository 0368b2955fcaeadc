"""The review of a stage: what is known at once, and what background work adds."""
