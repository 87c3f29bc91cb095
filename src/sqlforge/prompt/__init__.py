"""From an example to token ids; the same functions serve training, evaluation and serving."""
