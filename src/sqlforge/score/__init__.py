"""From predictions to verdicts and metrics."""
