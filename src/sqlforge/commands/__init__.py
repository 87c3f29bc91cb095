"""The commands' arguments and options, a file a part of the work; ``cli.py`` names the verbs."""
