"""`stageproxy promote`, and publishing from this machine."""
