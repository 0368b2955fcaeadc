"""Speed, as ratios: what the service takes beside the least that the same work can take."""
