"""`evalengine draw`: its options, its run, what it reports."""
