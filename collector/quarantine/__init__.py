"""What was refused at the door: seen, tried again, handed over."""
