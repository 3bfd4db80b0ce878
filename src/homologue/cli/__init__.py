"""The command ``homologue``: one small module a verb, imported when the verb is chosen.

A verb is a module ``homologue.cli.VERB`` with two functions:

``add_parser(subparsers)``
    calls ``subparsers.add_parser("VERB", description=…)`` and adds its arguments. Every parser
    has ``--json``, ``-q/--quiet`` and ``--debug`` already. It imports nothing heavy.
``run(args) -> int``
    does the work and returns the exit status: 0 it ran, 1 a requested check failed. Results go
    to standard output through :mod:`homologue.cli._output`, everything else to standard error.
    Errors are raised, not printed: a :class:`~homologue._errors.HomologueError` becomes one line
    and status 2.
"""

from homologue.cli._main import VERBS, main

__all__ = ["VERBS", "main"]
