"""How good generated showers are: numpy, scipy and scikit-learn; no jax."""
