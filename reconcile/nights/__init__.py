"""From night to night: what a run leaves, what the next one knows of it, and what becomes of it."""
