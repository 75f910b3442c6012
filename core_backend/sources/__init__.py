"""Where values come from. Each source knows AWS; none knows the cache."""
