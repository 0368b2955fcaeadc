"""`stageproxy try`: a release installed from its stage into a new environment, and used there."""
