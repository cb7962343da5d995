"""The client. `_async` is written; scripts/build_sync.py makes `_sync` of it."""
