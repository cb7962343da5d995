"""Processes forked from one that has imported the libraries: each would take a second to do so."""

from __future__ import annotations

import multiprocessing

FORKING = multiprocessing.get_context("forkserver")
# pytest because multiprocessing imports the main module again. Nothing that operators run: a
# command imports that itself, in its own folder and environment.
FORKING.set_forkserver_preload(
    [
        "pytest",
        "httpx",
        "jwt",
        "psutil",
        "psycopg",
        "rich.console",
        "rich.table",
        "sharedstate._sync.client",
        "typer",
    ]
)
