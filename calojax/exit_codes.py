"""What a process tells the batch system when it ends."""

DONE = 0
BAD_INPUT = 2  # one line on standard error says what
DIVERGED = 3  # the last good checkpoint is kept
INTERRUPTED = 75  # EX_TEMPFAIL: the state is saved, the same command goes on
