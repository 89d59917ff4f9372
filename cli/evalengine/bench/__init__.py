"""What `evalengine bench` is made of: fixed workloads, one file per backend, timing, and explaining differences."""
