"""What was issued: append-only, chained, verifiable offline."""
