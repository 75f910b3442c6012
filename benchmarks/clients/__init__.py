"""What each library does in a process that stays: fetches, hits, and invocations of a handler."""
