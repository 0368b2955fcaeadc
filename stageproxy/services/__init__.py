"""Here is one module for each thing the service does."""
