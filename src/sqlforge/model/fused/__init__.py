"""The training step of the Llama family, written out by hand and fused."""
