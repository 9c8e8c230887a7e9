"""How a run gets its access token."""
