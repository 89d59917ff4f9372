"""`evalengine.evaluate`, as users call it, against the same episodes run step by step.

`evaluate` advances episodes in groups, on all cores, with kernels for several individuals; `make` and `Policy.logits`
are the parts that the other sections hold against the references. That both give the same returns, lengths, flags and
last observations, to the bit, carries what is proven of the parts over to the whole. Needs neither Gymnasium nor
PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.native import make
from evalengine.evaluation.evaluate import Evaluation, evaluate
from evalengine.parity.report import Claim, Section
from evalengine.policies.heads import ActionStream, Head, chosen_actions
from evalengine.policies.inputs import policy_inputs
from evalengine.policies.policy import Policy
from evalengine.references.divergence import Divergence, differing_bits
from evalengine.references.versions import standing

FIELDS = ("lengths", "final_observation", "terminated", "truncated", "returns")
"""What is compared of an episode."""


def evaluate_section(
    name: str, env_id: str, policy: Policy, individuals: Sequence[NDArray[np.float32]], *, seed: int, steps: int
) -> Section:
    """Compare as many episodes of each individual as it takes to run `steps` steps in all.

    Args:
        name: the section's.
        env_id: an environment, as it is by default.
        policy: the architecture.
        individuals: weight vectors (D,).
        seed: of the first episode of each individual.
        steps: at least so many, in whole episodes.
    """
    population = np.stack(individuals)
    whole = _evaluated(env_id, policy, population, seed, steps)
    results = {field: getattr(whole, field) for field in FIELDS}
    stepped = _stepped(env_id, policy, population, whole.seeds)
    differing = {field: _differing_episodes(results[field], stepped[field]) for field in FIELDS}
    mismatched = np.logical_or.reduce(list(differing.values()))
    first = None
    if mismatched.any():
        individual, episode = (int(number) for number in np.argwhere(mismatched)[0])
        field = next(field for field in FIELDS if differing[field][individual, episode])
        first = Divergence.between(
            field,
            results[field][individual, episode],
            stepped[field][individual, episode],
            seed=int(whole.seeds[individual, episode]),
            episode=episode,
            case=f"individual {individual} of {policy}; reference: the same episode step by step",
            versions=standing().versions,
        )
    return Section(
        name=name,
        claim=Claim.EXACT,
        steps=whole.steps,
        episodes=whole.returns.size,
        mismatches=int(mismatched.sum()),
        first_divergence=first,
        worst_error=float(np.abs(whole.returns - stepped["returns"]).max()),
        events={"terminated": int(whole.terminated.sum()), "time limit": int(whole.truncated.sum())},
    )


def _differing_episodes(ours: NDArray[Any], reference: NDArray[Any]) -> NDArray[np.bool_]:
    """(P, E) whether anything differs."""
    if (ours.dtype, ours.shape) != (reference.dtype, reference.shape):
        return np.ones(ours.shape[:2], np.bool_)
    return np.asarray(differing_bits(ours, reference).reshape(*ours.shape[:2], -1).any(axis=2))


def _evaluated(env_id: str, policy: Policy, population: NDArray[np.float32], seed: int, steps: int) -> Evaluation:
    """Evaluate with one episode each to see how long they are, then with as many as it takes."""
    episodes = 1
    while True:
        seeds = [(seed + episode) % 2**64 for episode in range(episodes)]
        whole = evaluate(env_id, population, policy, seeds=seeds, keep=("final_observation",))
        if whole.steps >= steps:
            return whole
        episodes = max(episodes + 1, -(-steps * episodes // whole.steps))


def _stepped(
    env_id: str, policy: Policy, population: NDArray[np.float32], seeds: NDArray[np.uint64]
) -> dict[str, NDArray[Any]]:
    """Run the same episodes, one individual's side by side: a step of all, then the next; return `FIELDS`."""
    envs = [make(env_id) for _ in range(seeds.shape[1])]
    head = Head.of(policy, envs[0].entry)
    entry = envs[0].entry
    last = np.zeros((*seeds.shape, *entry.observation_shape), entry.observation_dtype)
    returns, lengths = np.zeros(seeds.shape), np.zeros(seeds.shape, np.int64)
    terminated, truncated = np.zeros(seeds.shape, np.bool_), np.zeros(seeds.shape, np.bool_)
    for individual, weights in enumerate(population):
        for episode, env in enumerate(envs):
            last[individual, episode], _ = env.reset(seed=int(seeds[individual, episode]))
        log_std, _ = policy.split(weights)
        streams = [ActionStream(head, int(seed), log_std=log_std) for seed in seeds[individual]]
        running = list(range(len(envs)))
        states = np.zeros((len(envs), policy.n_state), np.float32)
        while running:
            inputs = policy_inputs(policy, last[individual, running])
            logits, states[running] = policy.step(weights, inputs, states[running])
            actions = chosen_actions([streams[episode] for episode in running], logits)
            for episode, action in zip(list(running), actions, strict=True):
                place = individual, episode
                last[place], reward, terminated[place], truncated[place], _ = envs[episode].step(action)
                returns[place] += reward
                lengths[place] += 1
                if terminated[place] or truncated[place]:
                    running.remove(episode)
    return {
        "lengths": lengths,
        "final_observation": last.astype(np.float32),  # as `evaluate` hands over bytes too
        "terminated": terminated,
        "truncated": truncated,
        "returns": returns,
    }
