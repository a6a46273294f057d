"""Operators' accounts at the broker."""
