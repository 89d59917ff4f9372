"""`evalengine envs`: its options and what it lists."""
