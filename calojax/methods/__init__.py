"""Ways to train a generator; `build.METHODS` has them by name."""
