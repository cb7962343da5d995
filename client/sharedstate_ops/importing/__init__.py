"""Moving a whole workspace: export files, and importing entries with the operator's key."""


class SourceError(Exception):
    """There is nothing to import here; the message says what was looked for."""
