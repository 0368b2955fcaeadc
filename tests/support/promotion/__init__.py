"""What promotions are tried with."""
