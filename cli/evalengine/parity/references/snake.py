"""Snake in plain Python, a Gymnasium environment, where its users know it; it is in evalengine.references.snake."""

from evalengine.references.snake import ENV_ID, SnakeEnv

__all__ = ["ENV_ID", "SnakeEnv"]
