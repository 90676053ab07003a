"""The machine below: the process, its memory, the installed files, and the boundary where libraries fail."""
