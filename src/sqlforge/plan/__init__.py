"""What training will need before anything is loaded: memory, time, and which base model to take."""
