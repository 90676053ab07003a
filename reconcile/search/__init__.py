"""Every row of both sides: streamed once into numbers, and what the numbers leave in doubt compared by value."""
