"""Whole episodes of many individuals as one JAX program: what the backend `gymnax` compiles.

    rollout_program(task)(weights (I, D), seeds (E,), absent (I,)) ──► returns (I, E) float32, lengths (I, E) int32

Imports JAX and gymnax when it is imported, so only worker processes do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gymnax
import jax
import jax.numpy as jnp

from evalengine.bench.backends import Task
from evalengine.environments.registry import resolve
from evalengine.policies.heads import Head
from evalengine.policies.policy import Policy

_ACTIVATIONS = {"identity": lambda values: values, "tanh": jnp.tanh, "relu": jax.nn.relu}


def rollout_program(task: Task) -> Callable[..., Any]:
    """The jitted program of a task; JAX compiles it for each (I, E) that it is called with."""
    policy = Policy(task.policy)
    act = actor(policy, Head.of(policy, resolve(task.env_id)))
    env, params = gymnax.make(task.env_id)
    unused = jax.random.key(0)
    # From 1.0 on a step says whether the task has ended; the time limit is asked for apart. Before, it said both.
    reaches_its_limit = getattr(env, "is_truncated", lambda state, params: False)

    def act_and_step(tensors: Any, observation: Any, state: Any) -> Any:
        observation, state, reward, done, _ = env.step_env(unused, state, act(tensors, observation), params)
        return observation, state, reward, done | reaches_its_limit(state, params)

    steps = jax.vmap(jax.vmap(act_and_step, (None, 0, 0)))

    def program(weights: Any, seeds: Any, absent: Any) -> Any:
        tensors = split(policy, weights)
        shape = len(weights), len(seeds)
        starts = jax.vmap(lambda seed: env.reset_env(jax.random.key(seed), params))(seeds)
        observations, states = jax.tree.map(
            lambda of_seed: jnp.broadcast_to(of_seed, (len(weights), *of_seed.shape)), starts
        )
        done = jnp.broadcast_to(absent[:, None], shape)

        def playing(carry: Any) -> Any:
            return ~carry[2].all()

        def step(carry: Any) -> Any:
            observations, states, done, returns, lengths = carry
            observations, states, rewards, ended = steps(tensors, observations, states)
            returns = returns + jnp.where(done, 0.0, rewards)
            return observations, states, done | ended, returns, lengths + ~done

        start = observations, states, done, jnp.zeros(shape), jnp.zeros(shape, jnp.int32)
        return jax.lax.while_loop(playing, step, start)[3:]

    jitted: Callable[..., Any] = jax.jit(program)
    return jitted


def split(policy: Policy, weights: Any) -> list[Any]:
    """(I, D) -> the policy's tensors, each (I, *shape)."""
    tensors, position = [], 0
    for parameter in policy.parameters:
        size = math.prod(parameter.shape)
        tensors.append(weights[:, position : position + size].reshape(-1, *parameter.shape))
        position += size
    return tensors


def actor(policy: Policy, head: Head) -> Callable[[Any, Any], Any]:
    """(an individual's tensors, one observation (n,)) -> its action, for an mlp."""
    activations = [_ACTIVATIONS[name] for name in (*policy.activations, policy.output_activation)]
    low, high = jnp.array(head.low, jnp.float32), jnp.array(head.high, jnp.float32)

    def act(tensors: Any, observation: Any) -> Any:
        values, remaining = observation, iter(tensors)
        for activation, has_bias in zip(activations, policy.biases, strict=True):
            values = next(remaining) @ values
            if has_bias:
                values = values + next(remaining)
            values = activation(values)
        if head.is_discrete:
            return values.argmax()
        if head.kind == "clip":
            return jnp.clip(values, low, high)
        return low + (jnp.tanh(values) + 1.0) * 0.5 * (high - low)

    return act
