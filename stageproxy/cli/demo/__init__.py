"""`stageproxy demo`: a temporary server, a sample project and a temporary index."""
