"""What the program costs, measured beside what a user would pick instead."""
