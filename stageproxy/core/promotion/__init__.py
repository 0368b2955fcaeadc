"""How a stage is published: the plan, its journal, and what came of it."""
