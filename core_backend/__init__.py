"""core_backend: await secrets in async Lambda handlers."""
