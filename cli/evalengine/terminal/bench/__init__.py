"""`evalengine bench` and `compare`: their options, their runs, their tables."""
