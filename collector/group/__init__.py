"""Several collectors as one group."""
