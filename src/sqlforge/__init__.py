"""SQLForge: forge a language model into a text-to-SQL specialist, and prove what came out."""

__version__ = "0.1.0"
