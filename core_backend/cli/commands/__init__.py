"""The commands as a shell sees them. Each imports what does its work when it is called."""
