"""What of a run goes to a model hub, what is held back, and how it gets there."""
