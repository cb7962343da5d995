"""Doors for AI agents: the MCP server, the hooks of their harnesses, and what sets both up."""
