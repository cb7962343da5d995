"""How a call is sent over HTTP, again where that is safe, and what its answer means."""
