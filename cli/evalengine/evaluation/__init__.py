"""One call: its arguments, the engine, and what comes back."""
