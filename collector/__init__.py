"""The doors: messages in, facts stored, everything else quarantined."""
