"""`evalengine evaluate`: its options, its run, what it writes."""
