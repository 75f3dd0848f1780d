"""Energy response against incident energy: sum E / E_p in bins of E_p (seed: Rehm et al. 2021, figure 5)."""
