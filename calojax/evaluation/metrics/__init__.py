"""The metrics, one a file, and what they share; `evaluation.named` gives them their names."""
