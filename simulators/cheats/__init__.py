"""Cheats at a chosen rate in the simulated city, and honest traffic that only looks odd (semantics 8)."""
