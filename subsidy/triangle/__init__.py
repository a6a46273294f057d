"""Orders ↔ meter registers ↔ the grid's bill: what was claimed, what the meters saw, what the grid supplied."""
