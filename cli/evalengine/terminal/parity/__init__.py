"""`evalengine parity`: its run."""
