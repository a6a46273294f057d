"""One thing, registered once: serial numbers, meters, QR codes and places across operators and years (semantics 8)."""
