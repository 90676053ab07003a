"""When and how often: thin flows over the engine's steps. No logic."""
