"""What tests are made of: stages, distributions, forms, hostile archives."""
