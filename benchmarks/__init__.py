"""Speed as ratios: stageproxy beside a minimal server and beside others, in one run."""
