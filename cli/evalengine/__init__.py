"""Evaluate populations of policies in reinforcement learning environments: weights go in, fitness comes out.

    import evalengine

    policy = evalengine.Policy("mlp:4-64-2")
    population = policy.init(population=256, seed=0)                              # (256, 450) float32
    fitness = evalengine.evaluate("CartPole-v1", population, policy, episodes=8).fitness  # (256,) float32

Environments and forward passes run in a Rust extension, on all cores, without the GIL, and give the bits that Gymnasium
and PyTorch would have given. This module is the public API; importing it loads numpy and the extension and nothing
else that is heavy.
"""

from __future__ import annotations

from evalengine import _engine
from evalengine.environment import Environment, make
from evalengine.errors import EvalEngineError, InputError, MissingDependencyError, NonFiniteError, OutputError
from evalengine.evaluation import Evaluation, batch_evaluate, evaluate
from evalengine.policy import Policy
from evalengine.weights import LoadedWeights, load_weights, save_weights

__version__ = _engine.build_info()["version"]

__all__ = [
    "Environment",
    "EvalEngineError",
    "Evaluation",
    "InputError",
    "LoadedWeights",
    "MissingDependencyError",
    "NonFiniteError",
    "OutputError",
    "Policy",
    "__version__",
    "batch_evaluate",
    "evaluate",
    "load_weights",
    "make",
    "save_weights",
]
