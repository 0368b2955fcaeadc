"""`stageproxy promote`, and what publishes from this machine."""
