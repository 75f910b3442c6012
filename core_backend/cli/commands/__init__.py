"""The commands as a shell sees them. What they do is imported when they do it."""
