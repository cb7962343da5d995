"""`python -m sharedstate`: the command line, also where its script is not on the path."""

from sharedstate.cli import app

app()
