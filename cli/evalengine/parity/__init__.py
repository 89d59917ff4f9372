"""Evidence that the engine's environments are the references', bit for bit. Needs the references' packages."""
