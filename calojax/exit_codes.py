"""What a process tells the batch system when it ends."""

DONE = 0
UNEXPECTED = 1  # an error that calojax does not know; one line, --debug shows where
BAD_INPUT = 2  # one line on standard error says what: input, or a disk that is full
DIVERGED = 3  # the last good checkpoint is kept
INTERRUPTED = 75  # EX_TEMPFAIL: the state is saved, the same command goes on
UNREAD = 141  # nobody reads what is printed, as of a program that SIGPIPE ends
