"""`stageproxy review`: what a reviewer sees of a stage, on a terminal or in a log."""
