"""Moving a whole workspace: export files, and importing entries with the operator's key."""
