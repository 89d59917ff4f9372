"""Evaluate populations of policies in reinforcement learning environments: weights go in, fitness comes out.

    import evalengine

    policy = evalengine.Policy("mlp:4-64-2")
    population = policy.init(population=256, seed=0)                              # (256, 450) float32
    fitness = evalengine.evaluate("CartPole-v1", population, policy, episodes=8).fitness  # (256,) float32

Environments and forward passes run in a Rust extension, on all cores, without the GIL, and give the bits that Gymnasium
and PyTorch would have given. This module is the public API. A name is imported when it is first used, and then loads
numpy and the extension and nothing else that is heavy; importing the module alone, as `evalengine --help` does, loads
neither.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalengine import neat
    from evalengine.clusters.distributed import evaluate_on
    from evalengine.clusters.ray_evaluator import RayEvaluator
    from evalengine.environments.conditions import Condition
    from evalengine.environments.native import Environment, make
    from evalengine.environments.normalization import Normalization
    from evalengine.environments.observation import ObservationOptions
    from evalengine.environments.registry import EnvironmentEntry
    from evalengine.environments.rules import NoOps, StopRules
    from evalengine.errors import (
        CancelledError,
        EvalEngineError,
        InputError,
        InternalError,
        MissingDependencyError,
        NonFiniteError,
        OutOfMemoryError,
        OutputError,
        WeightsWarning,
        WorkersLostError,
    )
    from evalengine.evaluation.cancellation import CancelToken
    from evalengine.evaluation.descriptors import Descriptor
    from evalengine.evaluation.evaluate import Evaluation, batch_evaluate, evaluate
    from evalengine.evaluation.statistics import ObservationStatistics
    from evalengine.evaluation.trajectories import Trajectory
    from evalengine.playback.outcome import Replay
    from evalengine.playback.replay import replay
    from evalengine.policies.graph_policy import GraphPolicy
    from evalengine.policies.graphs import Graph, Graphs
    from evalengine.policies.loading import LoadedWeights, load_weights
    from evalengine.policies.policy import Policy
    from evalengine.policies.saving import save_weights

    __version__: str

__all__ = [
    "CancelToken",
    "CancelledError",
    "Condition",
    "Descriptor",
    "Environment",
    "EnvironmentEntry",
    "EvalEngineError",
    "Evaluation",
    "Graph",
    "GraphPolicy",
    "Graphs",
    "InputError",
    "InternalError",
    "LoadedWeights",
    "MissingDependencyError",
    "NoOps",
    "NonFiniteError",
    "Normalization",
    "ObservationOptions",
    "ObservationStatistics",
    "OutOfMemoryError",
    "OutputError",
    "Policy",
    "RayEvaluator",
    "Replay",
    "StopRules",
    "Trajectory",
    "WeightsWarning",
    "WorkersLostError",
    "__version__",
    "batch_evaluate",
    "evaluate",
    "evaluate_on",
    "load_weights",
    "make",
    "neat",
    "replay",
    "save_weights",
]

_MODULES = {
    "Condition": "environments.conditions",
    "Descriptor": "evaluation.descriptors",
    "CancelToken": "evaluation.cancellation",
    "CancelledError": "errors",
    "Environment": "environments.native",
    "EnvironmentEntry": "environments.registry",
    "EvalEngineError": "errors",
    "Evaluation": "evaluation.evaluate",
    "Graph": "policies.graphs",
    "GraphPolicy": "policies.graph_policy",
    "Graphs": "policies.graphs",
    "InputError": "errors",
    "InternalError": "errors",
    "LoadedWeights": "policies.loading",
    "MissingDependencyError": "errors",
    "NoOps": "environments.rules",
    "NonFiniteError": "errors",
    "Normalization": "environments.normalization",
    "ObservationOptions": "environments.observation",
    "ObservationStatistics": "evaluation.statistics",
    "OutOfMemoryError": "errors",
    "OutputError": "errors",
    "Policy": "policies.policy",
    "Trajectory": "evaluation.trajectories",
    "RayEvaluator": "clusters.ray_evaluator",
    "Replay": "playback.outcome",
    "StopRules": "environments.rules",
    "WeightsWarning": "errors",
    "WorkersLostError": "errors",
    "batch_evaluate": "evaluation.evaluate",
    "evaluate": "evaluation.evaluate",
    "evaluate_on": "clusters.distributed",
    "load_weights": "policies.loading",
    "make": "environments.native",
    "replay": "playback.replay",
    "save_weights": "policies.saving",
}


def __getattr__(name: str) -> Any:
    """Import a public name on its first use."""
    if name == "__version__":
        from evalengine import _engine

        value: Any = _engine.build_info()["version"]
    elif name == "neat":
        value = importlib.import_module("evalengine.neat")
    elif name in _MODULES:
        value = getattr(importlib.import_module(f"evalengine.{_MODULES[name]}"), name)
    else:
        raise AttributeError(f"module 'evalengine' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names that are not imported yet as well."""
    return sorted({*globals(), *__all__})
