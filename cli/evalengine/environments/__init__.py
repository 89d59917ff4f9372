"""Which environments there are, what a policy sees of them, and one native episode of each."""
