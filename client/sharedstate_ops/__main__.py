"""`python -m sharedstate_ops`: the command line, also where its script is not on the path."""

from sharedstate_ops.cli import app

app()
