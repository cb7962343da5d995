"""Seven agents design one humanoid robot together, through shared state alone."""
