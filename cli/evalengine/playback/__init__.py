"""One individual in the real Gymnasium, and its video."""
