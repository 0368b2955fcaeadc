"""Long and rough runs; each has a short form that runs with every change."""
