"""The seven agents; each runs as a process of its own: `python -m humanoid.agents.skeleton`."""
