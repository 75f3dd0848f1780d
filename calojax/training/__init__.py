"""The one training: loop, feed, run, checkpoints, workdir, and what is told while it runs."""
