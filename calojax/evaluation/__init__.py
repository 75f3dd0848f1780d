"""How good generated showers are: numpy, scipy, scikit-learn; only the classifier uses JAX.

`study` makes figures of showers, with the metrics in `metrics/`; `report/`, `figures/` show them.
"""
