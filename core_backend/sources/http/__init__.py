"""A small HTTPS client: messages, connections, the pool that keeps them, and trust."""
