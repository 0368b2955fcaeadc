"""What a wheel or an sdist contains, read with bounds."""
