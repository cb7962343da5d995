"""What an operator runs: the embedded stack, the command line, backups and imports (extra `local`).

Imports the client as any user would; the client never imports this package.
"""
