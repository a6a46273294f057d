"""The program: command line, settings, database, demo. What a city calls when it says `chargewatch`."""

__version__ = "0.1.0"
