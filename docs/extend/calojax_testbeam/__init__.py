"""A matrix of 12x12 towers in a test beam, for calojax."""
