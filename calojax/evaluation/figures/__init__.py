"""The pictures of an evaluation."""
