"""Decoding that cannot name what the schema lacks: vocabulary, grammar, constraint, vote."""
