"""Training examples varied so that a model reads the schema it is shown, not one it remembers."""
