"""The MCP server: shared state as tools, prompts and resources for AI agents."""
