"""Promotions: the plan, the journal and the outcome of publishing a stage."""
