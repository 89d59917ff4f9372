"""A program: weight files are played in Gymnasium by their modules of PyTorch, and the returns printed as JSON.

    MKL_CBWR=AVX2 ... python tests/gymnasium_loop.py FIRST_SEED EPISODES FILE...

It is the loop that people write, in a process of its own, because PyTorch has to be called in one way for its bits to
be known, which is said in the environment before Python starts. Nothing of the engine plays here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import gymnasium
import torch
from gymnasium import wrappers

from evalengine import LoadedWeights, load_weights
from evalengine.parity.torch_worker import tell_mkl


def made(loaded: LoadedWeights) -> gymnasium.Env[Any, Any]:
    """The environment as the file says, behind Gymnasium's own wrappers."""
    arguments: dict[str, Any] = dict(loaded.env_kwargs or {})
    if loaded.max_episode_steps is not None:
        arguments["max_episode_steps"] = loaded.max_episode_steps
    env: gymnasium.Env[Any, Any] = gymnasium.make(str(loaded.env_id), **arguments)
    seen = loaded.observation
    if seen is None:
        return env
    if seen.skip is not None:
        env = wrappers.MaxAndSkipObservation(env, seen.skip)
    if seen.grayscale:
        env = wrappers.GrayscaleObservation(env)
    if seen.resize is not None:
        env = wrappers.ResizeObservation(env, seen.resize)
    return env if seen.stack is None else wrappers.FrameStackObservation(env, seen.stack, padding_type=seen.padding)


def played(path: str, seeds: Sequence[int]) -> list[float]:
    """The return of each episode."""
    loaded = load_weights(path)
    module = loaded.to_torch()
    returns = []
    for seed in seeds:
        env = made(loaded)  # a new one, since some keep their Box2D world from episode to episode
        observation, _ = env.reset(seed=seed, options=dict(loaded.reset_options or {}) or None)
        total, ended = 0.0, False
        while not ended:
            observation, reward, terminated, truncated, _ = env.step(module.action(observation))
            total += float(reward)
            ended = terminated or truncated
        returns.append(total)
        env.close()
    return returns


if __name__ == "__main__":
    tell_mkl()
    torch.set_num_threads(1)
    first, episodes, *paths = sys.argv[1:]
    print(json.dumps([played(path, range(int(first), int(first) + int(episodes))) for path in paths]))
