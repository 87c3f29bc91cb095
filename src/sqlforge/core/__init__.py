"""Records, errors, recipes and run directories; imports nothing of SQLForge outside itself."""
