"""Descriptors: their one spec, how it is read and printed, and what is refused."""

from __future__ import annotations

import itertools
import math
import re
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
        ("first(x) where leg_contact", Descriptor("first", "x", "leg_contact")),
        (
            "mean(reward) where step > 10.0 and x <= -0.5",
            Descriptor("mean", "reward", Condition("step > 10 and x <= -0.5")),
        ),
        ("max(x) where y == 1.0 else -1e-05", Descriptor("max", "x", "y == 1", -1e-5)),
        (
            "first(x) where a else min(y) where b != 2.0 else last(x) else 0.0",
            Descriptor("first", "x", "a", Descriptor("min", "y", "b!=2", Descriptor("last", "x", None, 0.0))),
        ),
        ("std(x - (y - 1.0)) where not (a or b) and c", Descriptor("std", "x-(y-1)", "not(a or b)and c")),
        ("count(action == 2.0 or leg_contact)", Descriptor("count", "action == 2 or leg_contact")),
        ("extreme(-abs(-x + return) - (-y))", None),
        ("share(not not (x - y) < 3.0)", None),
    ],
)
def test_a_spelling_is_read_and_printed(spelling: str, descriptor: Descriptor | None) -> None:
    plain = spelling.replace("(-y)", "-y").replace("(x - y) <", "x - y <")
    assert str(Descriptor.of(spelling)) == plain
    assert Descriptor.of(spelling) == (descriptor or Descriptor.of(plain))
    assert Descriptor.of(Descriptor.of(spelling)) is Descriptor.of(spelling)


@pytest.mark.parametrize(
    ("spelling", "printed"),
    [
        ("a or b and c", "a or b and c"),
        ("(a or b) and (c and d)", "(a or b) and (c and d)"),
        ("not(a)and not(not b or c)", "not a and not (not b or c)"),
        ("(((x))) + (y + 1) < - (z - 2)", "x + (y + 1.0) < -(z - 2.0)"),
        ("x<=-.5e1", "x <= -5.0"),
        ("-x-(-3)>abs((y-1))", "-x - -3.0 > abs(y - 1.0)"),
        ("x < inf", "x < inf"),
    ],
)
def test_conditions_bind_as_in_python(spelling: str, printed: str) -> None:
    condition = Condition.of(spelling)
    assert str(condition) == printed
    assert Condition.of(printed) == condition and Condition.of(condition) is condition
    names = {name: compile(name, "", "eval") for name in set(re.findall(r"\b[a-dxyz]\b", spelling))}
    for values in itertools.product([0.0, 1.5, -5.0], repeat=len(names)):
        row: dict[str, Any] = {"inf": math.inf, **dict(zip(names, values, strict=True))}
        assert bool(eval(printed, row)) == bool(eval(spelling, row))


def test_spaces_and_short_numbers_do_not_matter() -> None:
    assert Descriptor.of("  mean ( reward )  where  step>10   and x<= -.5 ") == Descriptor.of(
        "mean(reward) where step > 10.0 and x <= -0.5"
    )
    assert Descriptor("last", "x", None, 3) == Descriptor.of("last(x)else 3")
    assert math.isnan(Descriptor.of("sum(x) else nan").raw(describe("cartpole"))[1] or 0.0)
    assert Descriptor.of("last(x) else - 1e2").otherwise == -100


FIELDS = "(x, x_dot, theta, theta_dot, reward, return, action, step)"
REDUCERS = "a reducer (first, last, min, max, mean, sum, std, extreme, count, share)"
OPERAND = "a field, a number, abs(...) or '('"


@pytest.mark.parametrize(
    ("spelling", "at", "expected", "got"),
    [
        ("", 1, REDUCERS, "nothing"),
        ("last x", 6, "'(' after last", "'x'"),
        ("median(x)", 1, REDUCERS, "'median'"),
        ("first(x) where", 15, OPERAND, "nothing"),
        ("first(x) else", 14, REDUCERS, "nothing"),
        ("first(x) else much", 15, REDUCERS, "'much'"),
        ("1 else first(x)", 1, REDUCERS, "'1'"),
        ("last(x", 7, "')'", "nothing"),
        ("last(x) last(x)", 9, "the end", "'last'"),
        ("last(abs x)", 10, "'(' after abs", "'x'"),
        ("last(abs(x > 1))", 12, "a value in abs(...)", "'>'"),
        ("last(x) where and", 15, OPERAND, "'and'"),
        ("last(x) where (x > 1", 21, "')'", "nothing"),
        ("last(x) where x < 1 < 2", 21, "one comparison, as in 'x > 0 and x < 1'", "'<'"),
        ("last(x) where x < nan", 19, "a number other than nan", "'nan'"),
        ("last(x) where 1 + (x < 2)", 19, "a value, not a condition", "'('"),
        ("last(x) where (x < 2) == 1", 15, "a value, not a condition", "'('"),
        ("last(x) where x < -(x < 2)", 20, "a value, not a condition", "'('"),
        ("first(x > 3)", 9, "a value in first(...), as conditions are for count and share", "'>'"),
        ("first((x > 3))", 7, "a value in first(...), as conditions are for count and share", "'('"),
        (
            "first(x) where x =< 3",
            18,
            "a name, a number, a parenthesis, a sign or a comparison (< <= > >= == !=)",
            "'='",
        ),
        ("last(" + "(" * 33 + "x", 38, "at most 32 levels of parentheses, signs and 'not'", "'('"),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_character(spelling: str, at: int, expected: str, got: str) -> None:
    refused = refusal(spelling)
    message = f"expected {expected}, got {got} at character {at} of {spelling!r}"
    assert str(refused) == f"descriptors[1]: {message}"
    assert refused.__notes__ == [f"    {spelling}", f"    {' ' * (at - 1)}^"]
    with pytest.raises(InputError) as alone:
        Descriptor.of(spelling)
    assert (str(alone.value), alone.value.__notes__) == (f"descriptor: {message}", refused.__notes__)


def refusal(value: Any) -> InputError:
    """What is said where it is the second of two descriptors of CartPole."""
    policy = Policy("mlp:4-2")
    with pytest.raises(InputError) as refused:
        evaluate("cartpole", policy.init(1, seed=0), policy, descriptors=["last(x)", value])
    return refused.value


@pytest.mark.parametrize(
    ("spelling", "at", "message"),
    [
        ("last(position)", 6, f"got 'position' at character 6 of 'last(position)' {FIELDS}"),
        (
            "last(x) where thetta > 0",
            15,
            f"got 'thetta' at character 15 of 'last(x) where thetta > 0'; did you mean 'theta'? {FIELDS}",
        ),
        (
            "max( x) where not(thetta >.50 )",
            19,
            f"got 'thetta' at character 19 of 'max( x) where not(thetta >.50 )'; did you mean 'theta'? {FIELDS}",
        ),
    ],
)
def test_a_field_that_the_environment_lacks_is_refused_at_its_character(spelling: str, at: int, message: str) -> None:
    refused = refusal(spelling)
    assert str(refused) == f"descriptors[1]: expected a field of CartPole-v1, {message}"
    assert refused.__notes__[0] == f"    {spelling}"
    assert refused.__notes__[1] == f"    {' ' * (at - 1)}^"


def test_what_is_no_spelling_is_refused() -> None:
    assert str(refusal(3)) == "descriptors[1]: expected a spec or a Descriptor, got 3"
    with pytest.raises(InputError, match=r"^descriptor: expected a spec or a Descriptor, got 3$"):
        Descriptor.of(3)  # type: ignore[arg-type]
    long = "last(x) where " + "x or " * 500 + "x"
    refused = refusal(long)
    assert str(refused) == f"descriptors[1]: expected a spec of at most 2000 characters, got {len(long)}"
    pointer, caret = refused.__notes__
    assert pointer.strip() in long and len(pointer) < 130 and caret.index("^") == 64


@pytest.mark.parametrize("value", ["last(x)", Descriptor("last", "x"), 3, None, {"last(x)"}])
def test_descriptors_are_a_list(value: Any) -> None:
    policy = Policy("mlp:4-2")
    with pytest.raises(InputError) as refused:
        evaluate("cartpole", policy.init(1, seed=0), policy, descriptors=value)
    assert str(refused.value) == (f"descriptors: expected a list such as ['last(x)', 'mean(reward)'], got {value!r}")


def test_more_numbers_than_a_call_returns_are_refused() -> None:
    policy = Policy("mlp:4-2")
    with pytest.raises(InputError) as refused:
        evaluate("cartpole", policy.init(2, seed=0), policy, episodes=2**20, descriptors=["last(x)"] * 513)
    assert str(refused.value) == (
        f"descriptors: expected at most {2**30} numbers in one call, got 513 for each of {2**21} episodes"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Condition(""), f"condition: expected {OPERAND}, got nothing at character 1 of ''"),
        (lambda: Condition(True), "condition: expected a spec such as 'x < 0.5', got True"),  # type: ignore[arg-type]
        (
            lambda: Descriptor("middle", "x"),
            "descriptor: expected a reducer of first, last, min, max, mean, sum, std, extreme, count, share, "
            "got 'middle'",
        ),
        (
            lambda: Descriptor("last", 3),  # type: ignore[arg-type]
            "descriptor: value: expected a spec such as 'x' or 'x - y', got 3",
        ),
        (
            lambda: Descriptor("last", "x <"),
            "descriptor: value: expected a value, got '<' at character 3 of 'x <'",
        ),
        (
            lambda: Descriptor("last", "x", "y <"),
            f"descriptor: where: expected {OPERAND}, got nothing at character 4 of 'y <'",
        ),
        (
            lambda: Descriptor("last", "x", ("leg_contact",)),  # type: ignore[arg-type]
            "descriptor: where: expected a Condition or its spec, got ('leg_contact',)",
        ),
        (
            lambda: Descriptor("last", "x", None, "last(y)"),  # type: ignore[arg-type]
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
        "descriptors[0]: expected a field of CarRacing-v3, got 'x' at character 6 of 'last(x)' (reward, return, "
        "action_0, action_1, action_2, new_tiles, lap_finished, step; the values of its images have no names)"
    )


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.short_name)
def test_every_field_has_a_name_of_its_own(entry: EnvironmentEntry) -> None:
    assert len(set(entry.fields)) == len(entry.fields)
    assert all(name.isidentifier() for name in entry.fields)
    assert len(entry.observation_fields) in (0, entry.n_inputs)
    assert set(entry.observation_fields) | set(entry.event_fields) <= set(entry.fields)
