"""Questions about one own database: names to words, columns to roles, and proof by execution."""
