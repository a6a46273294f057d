"""What follows from a figure: rectification orders, inspection samples, and what inspectors found on the spot."""
