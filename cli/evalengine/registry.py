"""`evalengine.registry.EnvironmentEntry`, where its users know it; the registry itself is in environments."""

from evalengine.environments.registry import EnvironmentEntry

__all__ = ["EnvironmentEntry"]
