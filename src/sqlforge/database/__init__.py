"""Schemas read from databases, values read for linking, and the sandbox that runs queries."""
