"""Long runs with faults; each has a short form that runs with every change."""
