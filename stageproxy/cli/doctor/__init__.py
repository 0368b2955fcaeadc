"""`stageproxy doctor`: what is right and wrong with an installation."""
