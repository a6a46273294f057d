"""Stand-ins for the outside world: real sessions played again, and a seeded city that knows its truth."""
