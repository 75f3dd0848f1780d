"""The metrics, one a file, and what they share; `evaluation.study` gives them their names."""
