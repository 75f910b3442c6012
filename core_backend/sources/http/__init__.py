"""A small HTTPS client: messages, connections, the pool that keeps them, and whom they trust."""
