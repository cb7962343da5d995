"""A report on one design: what was done, what was in the way, what it used over time."""
