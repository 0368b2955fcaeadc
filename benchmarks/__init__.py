"""Speed as ratios: the time of the server, divided by that of a minimal server."""
