"""The engine: everything between asking for a secret and its source."""
