"""What answers over HTTP: OpenAI's interface, questions about a database, health and metrics."""
