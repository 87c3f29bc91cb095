"""What answers over HTTP: the playground so far."""
