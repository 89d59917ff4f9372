"""Environments are found by id and short name; what is misspelt is answered with the nearest name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest

from evalengine.environments.native import make
from evalengine.environments.registry import EnvironmentEntry, describe, entries, registered, resolve
from evalengine.errors import InputError
from evalengine.policies.policy import Policy
from evalengine.references import reference


@pytest.mark.parametrize("name", ["CartPole-v1", "cartpole", "CARTPOLE", "cartpole-V1"])
def test_any_case_of_id_and_short_name_is_found(name: str) -> None:
    assert resolve(name).id == "CartPole-v1"


def test_short_names_and_ids_are_distinct() -> None:
    names = [name.lower() for entry in entries() for name in (entry.id, entry.short_name)]
    names += [entry.id.lower() for entry in registered() if entry.variant_of is not None]
    assert len(set(names)) == len(names) >= 4


@pytest.mark.parametrize("entry", registered(), ids=lambda entry: entry.short_name)
def test_every_default_policy_is_canonical_and_fits(entry: EnvironmentEntry) -> None:
    policy = Policy(entry.default_policy)
    assert str(policy) == entry.default_policy
    policy.check_fits(entry)


def test_an_entry_tells_shapes_actions_and_limits() -> None:
    entry = resolve("snake")
    assert entry.id == "evalengine/Snake-v0"
    assert entry.observation_shape == (12, 12, 5)
    assert (entry.n_inputs, entry.n_outputs, entry.n_actions) == (720, 4, 4)
    assert (entry.action_space, entry.action_low, entry.action_high) == ("discrete", None, None)
    assert entry.kwargs == {"rows": 12, "cols": 12, "time_limit": 4000}
    assert resolve("cartpole").max_episode_steps == 500


def test_keyword_arguments_change_the_shapes() -> None:
    assert describe("snake", {"rows": 8, "cols": 9}).observation_shape == (8, 9, 5)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError) as refused:
        resolve("cartpol")
    message = str(refused.value)
    assert "cartpol" in message
    assert 'did you mean "cartpole"' in message
    assert "\n" not in message


@pytest.mark.parametrize("name", [None, 1, b"cartpole"])
def test_a_name_is_a_string(name: Any) -> None:
    with pytest.raises(InputError) as refused:
        resolve(name)
    assert str(refused.value) == f"environment: expected a name such as 'CartPole-v1', got {name!r}"


@pytest.mark.parametrize(
    ("kwargs", "part"),
    [({"row": 8}, "rows"), ({"rows": "8"}, "rows"), ({"rows": True}, "rows"), ({"rows": 0}, "rows"), ({1: 2}, "1")],
)
def test_keyword_arguments_are_checked(kwargs: dict[str, int], part: str) -> None:
    with pytest.raises(InputError, match=part) as refused:
        describe("snake", kwargs)
    assert "\n" not in str(refused.value)


GYMNASIUM = [
    spec
    for spec in gymnasium.registry.values()
    if str(spec.entry_point).startswith(("gymnasium.envs.classic_control", "gymnasium.envs.box2d"))
]


def test_gymnasium_has_these_ids_of_the_two_families() -> None:
    known = {entry.id for entry in registered()} - {"evalengine/Snake-v0"}
    assert known == {spec.id for spec in GYMNASIUM}


@pytest.mark.parametrize("spec", GYMNASIUM, ids=lambda spec: spec.id)
def test_gymnasium_s_ids_have_its_limits_and_keyword_arguments(spec: gymnasium.envs.registration.EnvSpec) -> None:
    entry = resolve(spec.id)
    assert (entry.id, entry.max_episode_steps) == (spec.id, spec.max_episode_steps)
    assert {name: entry.kwargs[name] for name in spec.kwargs} == spec.kwargs


def test_variants_are_entries_with_other_defaults() -> None:
    short, continuous = (entry for entry in registered() if entry.variant_of is not None)
    assert (short.id, short.variant_of, short.max_episode_steps) == ("CartPole-v0", "CartPole-v1", 200)
    assert replace(short, id="", short_name="", summary="", variant_of=None, max_episode_steps=500) == replace(
        resolve("cartpole"), id="", short_name="", summary=""
    )
    assert (continuous.id, continuous.variant_of) == ("LunarLanderContinuous-v3", "LunarLander-v3")
    assert describe("lunarlandercontinuous", {"continuous": False}).n_actions == 4
    assert [entry.id for entry in registered()][:-2] == [entry.id for entry in entries()]


@pytest.mark.filterwarnings("ignore:.*out of date")  # Gymnasium's advice on CartPole-v0
@pytest.mark.parametrize("name", ["CartPole-v0", "LunarLanderContinuous-v3"])
def test_a_variant_plays_as_gymnasium_s(name: str) -> None:
    ours, source = make(name), reference(name)
    theirs = source.make()
    assert theirs.spec is not None and theirs.spec.id == name
    lengths = []
    for seed in range(4):
        observation = ours.reset(seed=seed)[0]
        assert np.array_equal(observation, theirs.reset(seed=seed)[0])
        choose = source.drivers["heuristic"](theirs.unwrapped, np.random.default_rng(seed))
        is_over, steps = False, 0
        while not is_over:
            action = choose(observation)
            observation, *outcome, _ = ours.step(action)
            expected, *expected_outcome, _ = theirs.step(action)
            assert np.array_equal(observation, expected) and outcome == expected_outcome
            is_over, steps = bool(outcome[1] or outcome[2]), steps + 1
        lengths.append(steps)
    assert name != "CartPole-v0" or max(lengths) == 200


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("LunarLander-v2", "its successor is LunarLander-v3 (v3: wind and world begin anew"),
        ("LunarLanderContinuous-v1", "its successor is LunarLanderContinuous-v3 (v2: engines cost reward; v3: "),
        ("CarRacing-v2", "its successor is CarRacing-v3 (v3: that end is a termination, not a truncation)"),
        ("Pendulum-v0", "its successor is Pendulum-v1 (v1: simpler formulas, which play the same)"),
        ("BipedalWalker-v2", "its successor is BipedalWalker-v3 (v3: the lidar sees what is nearest"),
        ("acrobot-v0", "its successor is Acrobot-v1 (v1: 500 steps instead of 200"),
    ],
)
def test_a_former_version_is_answered_with_its_successor(name: str, part: str) -> None:
    assert name.lower() not in {id.lower() for id in gymnasium.registry}
    with pytest.raises(InputError) as refused:
        resolve(name)
    assert f'unknown environment "{name}": {part}' in str(refused.value)
