"""Descriptors: their one spelling, how it is read and printed, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from evalengine import Condition, Descriptor, Policy, evaluate
from evalengine.environments.registry import EnvironmentEntry, describe, entries
from evalengine.errors import InputError


@pytest.mark.parametrize(
    ("spelling", "descriptor"),
    [
        ("last(x)", Descriptor("last", "x")),
        ("first(x) where leg_contact", Descriptor("first", "x", (Condition("leg_contact"),))),
        (
            "mean(reward) where step > 10.0 and x <= -0.5",
            Descriptor("mean", "reward", (Condition("step", ">", 10.0), Condition("x", "<=", -0.5))),
        ),
        ("max(x) where y == 1.0 else -1e-05", Descriptor("max", "x", (Condition("y", "==", 1.0),), -1e-5)),
        (
            "first(x) where a else min(y) where b != 2.0 else last(x) else 0.0",
            Descriptor(
                "first",
                "x",
                (Condition("a"),),
                Descriptor("min", "y", (Condition("b", "!=", 2.0),), Descriptor("last", "x", (), 0.0)),
            ),
        ),
    ],
)
def test_a_spelling_is_read_and_printed(spelling: str, descriptor: Descriptor) -> None:
    assert Descriptor.of(spelling) == descriptor
    assert str(descriptor) == spelling
    assert Descriptor.of(descriptor) is descriptor


def test_spaces_and_short_numbers_do_not_matter() -> None:
    assert Descriptor.of("  mean ( reward )  where  step>10   and x<= -.5 ") == Descriptor.of(
        "mean(reward) where step > 10.0 and x <= -0.5"
    )
    assert Descriptor("last", "x", (), 3) == Descriptor.of("last(x) else 3")
    assert math.isnan(Descriptor.of("sum(x) else nan").raw(describe("cartpole"))[1] or 0.0)


SPELLING = "REDUCER(FIELD) [where CONDITION [and CONDITION]] [else NUMBER or DESCRIPTOR]"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "expected a spec or a Descriptor, got 3"),
        ("", f"expected {SPELLING}, got ''"),
        ("last x", f"expected {SPELLING}, got 'last x'"),
        ("first(x) where", f"expected {SPELLING}, got 'first(x) where'"),
        ("first(x) else", f"expected {SPELLING}, got 'first(x) else'"),
        ("first(x) else much", f"expected {SPELLING}, got 'first(x) else much'"),
        ("1 else first(x)", f"expected {SPELLING}, got '1 else first(x)'"),
        ("median(x)", "expected a reducer of first, last, min, max, mean, sum, got 'median'"),
        ("last(3)", "expected a field's name, got '3'"),
        (
            "first(x) where x =< 3",
            "expected a condition such as 'leg_contact' or 'x < 0.5', got 'x =< 3' in 'first(x) where x =< 3'",
        ),
        ("first(x) where x < theta", "expected a number to compare x with, got 'theta'"),
        ("first(x) where x < nan", "expected a number to compare x with, got nan"),
        (
            "last(position)",
            "expected a field of CartPole-v1, got 'position' (x, x_dot, theta, theta_dot, reward, action, step)",
        ),
        (
            "last(x) where thetta > 0",
            "expected a field of CartPole-v1, got 'thetta'; did you mean 'theta'? "
            "(x, x_dot, theta, theta_dot, reward, action, step)",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(value: Any, message: str) -> None:
    policy = Policy("mlp:4-2")
    with pytest.raises(InputError) as refused:
        evaluate("cartpole", policy.init(1, seed=0), policy, descriptors=["last(x)", value])
    assert str(refused.value) == f"descriptors[1]: {message}"


@pytest.mark.parametrize("value", ["last(x)", Descriptor("last", "x"), 3, None, {"last(x)"}])
def test_descriptors_are_a_list(value: Any) -> None:
    policy = Policy("mlp:4-2")
    with pytest.raises(InputError) as refused:
        evaluate("cartpole", policy.init(1, seed=0), policy, descriptors=value)
    assert str(refused.value) == (f"descriptors: expected a list such as ['last(x)', 'mean(reward)'], got {value!r}")


def test_more_numbers_than_a_call_returns_are_refused() -> None:
    policy = Policy("mlp:4-2")
    with pytest.raises(InputError) as refused:
        evaluate("cartpole", policy.init(2, seed=0), policy, episodes=2**28, descriptors=["last(x)"] * 3)
    assert str(refused.value) == (
        f"descriptors: expected at most {2**30} numbers in one call, got 3 for each of {2**29} episodes"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Condition("x", "~", 1.0), "descriptor: expected a comparison of <= >= == != < >, got '~'"),
        (lambda: Condition("x", "<", True), "descriptor: expected a number to compare x with, got True"),
        (lambda: Condition(""), "descriptor: expected a field's name, got ''"),
        (
            lambda: Descriptor("last", "x", ("leg_contact",)),  # type: ignore[arg-type]
            "descriptor: where: expected a tuple of Condition, got ('leg_contact',)",
        ),
        (
            lambda: Descriptor("last", "x", (), "last(y)"),  # type: ignore[arg-type]
            "descriptor: otherwise: expected a number or a Descriptor, got 'last(y)'",
        ),
    ],
)
def test_parts_of_another_type_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as refused:
        make()
    assert str(refused.value) == message


def test_the_values_of_images_have_no_names() -> None:
    policy = Policy(describe("carracing").default_policy)
    with pytest.raises(InputError) as refused:
        evaluate("carracing", policy.init(1, seed=0), policy, descriptors=["last(x)"])
    assert str(refused.value) == (
        "descriptors[0]: expected a field of CarRacing-v3, got 'x' (reward, action_0, action_1, action_2, new_tiles, "
        "lap_finished, step; the values of its images have no names)"
    )


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.short_name)
def test_every_field_has_a_name_of_its_own(entry: EnvironmentEntry) -> None:
    assert len(set(entry.fields)) == len(entry.fields)
    assert all(name.isidentifier() for name in entry.fields)
    assert len(entry.observation_fields) in (0, entry.n_inputs)
    assert set(entry.observation_fields) | set(entry.event_fields) <= set(entry.fields)
