"""The same call on other processes and machines: shares of a population, executors, Ray's nodes."""
