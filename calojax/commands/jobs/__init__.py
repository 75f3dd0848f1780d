"""Many jobs to their ends: one plan, one runner, and the engines that start the processes."""

from calojax.commands.jobs.engines import ENGINES, LOCAL, check, engine
from calojax.commands.jobs.folder import claimed
from calojax.commands.jobs.listed import run
from calojax.commands.jobs.runner import Runner
from calojax.commands.jobs.task import Task

__all__ = ['ENGINES', 'LOCAL', 'Runner', 'Task', 'check', 'claimed', 'engine', 'run']
