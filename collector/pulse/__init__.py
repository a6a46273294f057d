"""The platform's own sign of life, through the whole path, and the outages that it proves."""
