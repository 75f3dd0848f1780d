"""What the command line can do: each command checks its input first, then returns the work."""
