"""MADE FROM methods/__init__.py by scripts/build_async.py: change that file, run the script."""
