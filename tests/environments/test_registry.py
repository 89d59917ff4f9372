"""Environments are found by id and short name; what is misspelt is answered with the nearest name."""

from __future__ import annotations

from typing import Any

import pytest

from evalengine.environments.registry import EnvironmentEntry, describe, entries, resolve
from evalengine.errors import InputError
from evalengine.policies.policy import Policy


@pytest.mark.parametrize("name", ["CartPole-v1", "cartpole", "CARTPOLE", "cartpole-V1"])
def test_any_case_of_id_and_short_name_is_found(name: str) -> None:
    assert resolve(name).id == "CartPole-v1"


def test_short_names_and_ids_are_distinct() -> None:
    names = [name.lower() for entry in entries() for name in (entry.id, entry.short_name)]
    assert len(set(names)) == len(names) >= 4


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.short_name)
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
