"""One table of jobs, run when the store says that they are due."""
