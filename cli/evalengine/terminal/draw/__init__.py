"""`evalengine replay`: its options, its run, what it reports."""
