"""The embedded corpus: hand-written domains, a grammar over question and SQL, seeded values."""
