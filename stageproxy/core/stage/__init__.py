"""A stage: what it holds, what it accepts, and what an index would list of it."""
