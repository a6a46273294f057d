"""What exists: operators, stations, power units, chargers, connectors, and what was declared, priced and awarded."""
