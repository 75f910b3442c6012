"""Minutes of fetches and hits, and a look at what they leave behind: tox run -e soak."""
