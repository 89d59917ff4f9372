"""Actions of a box in every type that Gymnasium takes, and beyond the bounds: what they do there, bit for bit.

What policies give is float32, and compared in test_env_parity; here are the other types that callers of `make` have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray
from side_by_side import MIN_STEPS, difference, replay

from evalengine import make
from evalengine.errors import InputError
from evalengine.references import reference

LUNARLANDER = {"continuous": True}
PARTS = 4
"""Each part is a test of its own, with other seeds."""


def both(env_id: str, **kwargs: Any) -> tuple[Any, gymnasium.Env[Any, Any]]:
    """The native environment and Gymnasium's."""
    return make(env_id, **kwargs), reference(env_id).make(disable_env_checker=True, **kwargs)


def play(env_id: str, choose: Callable[[Any], Any], first_seed: int, steps: int, **kwargs: Any) -> None:
    """Episodes of at least so many steps in all, every bit of each compared."""
    native, theirs = both(env_id, **kwargs)
    played = 0
    while played < steps:
        played += replay(native, theirs, choose, first_seed)[0]
        first_seed += 1


def drifting(rng: np.random.Generator, dimensions: int) -> Callable[[Any], NDArray[np.float64]]:
    """Float64 actions that last for some steps, so an episode goes far, now and then beyond the bounds."""
    action = np.zeros(dimensions)

    def choose(_: Any) -> NDArray[np.float64]:
        nonlocal action
        if rng.random() < 0.2:
            action = rng.normal(scale=1.2, size=dimensions)
        return action + rng.normal(scale=0.01, size=dimensions)

    return choose


def test_the_reported_step_has_gymnasiums_bits() -> None:
    """stable-baselines3#1145: a float64 action rounded to float32 is another one."""
    for value in (np.array([0.7]), [0.7]):
        ours, theirs = both("Pendulum-v1")
        ours.reset(seed=0)
        theirs.reset(seed=0)
        assert difference(ours.step(value)[:4], theirs.step(value)[:4]) is None
        core: Any = theirs.unwrapped
        assert ours.state()["theta_dot"].tobytes() == np.float64(core.state[1]).tobytes()
        rounded = make("Pendulum-v1")
        rounded.reset(seed=0)
        rounded.step(np.array([0.7], np.float32))
        assert rounded.state()["theta_dot"] != ours.state()["theta_dot"]


@pytest.mark.parametrize("part", range(PARTS))
def test_float64_torques_are_gymnasiums(part: int) -> None:
    play("Pendulum-v1", drifting(np.random.default_rng(part), 1), 1000 * part, MIN_STEPS // PARTS)


@pytest.mark.parametrize("part", range(PARTS))
def test_float64_throttles_are_gymnasiums(part: int) -> None:
    play("LunarLander-v3", drifting(np.random.default_rng(part), 2), 1000 * part, MIN_STEPS // PARTS, **LUNARLANDER)


def test_float64_forces_are_gymnasiums() -> None:
    play("MountainCarContinuous-v0", drifting(np.random.default_rng(0), 1), 0, MIN_STEPS // PARTS)


def test_float64_motors_are_gymnasiums() -> None:
    play("BipedalWalker-v3", drifting(np.random.default_rng(0), 4), 0, MIN_STEPS // (4 * PARTS))


def test_float64_controls_of_the_car_are_gymnasiums() -> None:
    play("CarRacing-v3", drifting(np.random.default_rng(0), 3), 50, 900, max_episode_steps=150)


Cast = Callable[[NDArray[np.float64]], Any]


def cast_from(float64: Callable[[Any], NDArray[np.float64]], cast: Cast) -> Callable[[Any], Any]:
    """Chooses the same actions in another type."""
    return lambda seen: cast(float64(seen))


ARRAYS: dict[str, Cast] = {
    "float16": lambda action: action.astype(np.float16),
    "float32": lambda action: action.astype(np.float32),
    "big-endian float64": lambda action: action.astype(">f8"),
    "big-endian float32": lambda action: action.astype(">f4"),
    "every other number": lambda action: np.repeat(action, 2)[::2],
    "int8": lambda action: np.rint(action).astype(np.int8),
    "int64": lambda action: np.rint(3 * action).astype(np.int64),
    "uint8": lambda action: np.rint(abs(action)).astype(np.uint8),
    "bool": lambda action: action > 0.3,
}
SEQUENCES: dict[str, Cast] = {
    "list": lambda action: action.tolist(),
    "tuple": lambda action: tuple(action.tolist()),
    "list of ints": lambda action: np.rint(action).astype(int).tolist(),
    "list of bools": lambda action: (action > 0.3).tolist(),
    "list of float32": lambda action: list(action.astype(np.float32)),
    "list of float16": lambda action: list(action.astype(np.float16)),
}


CLIPPING: list[tuple[str, int, dict[str, Any]]] = [("Pendulum-v1", 1, {}), ("LunarLander-v3", 2, LUNARLANDER)]
"""Environments that clip actions, the dimensions of those, keyword arguments."""

WALKER = ("BipedalWalkerHardcore-v3", 4, dict[str, Any]())
"""It clips, too, and takes arrays as Gymnasium does."""


@pytest.mark.parametrize("cast", [*ARRAYS.values(), *SEQUENCES.values()], ids=[*ARRAYS, *SEQUENCES])
def test_every_type_is_played_as_in_gymnasium(cast: Cast) -> None:
    for env_id, dimensions, kwargs in CLIPPING:
        play(env_id, cast_from(drifting(np.random.default_rng(3), dimensions), cast), 7, 1500, **kwargs)


@pytest.mark.parametrize("name", ARRAYS)
def test_every_type_of_array_moves_walker_and_mountain_car_as_in_gymnasium(name: str) -> None:
    cast = ARRAYS[name]
    play("MountainCarContinuous-v0", cast_from(drifting(np.random.default_rng(6), 1), cast), 7, 2000)
    if name != "bool":  # NumPy gives no sign of one
        play("BipedalWalker-v3", cast_from(drifting(np.random.default_rng(6), 4), cast), 7, 500)


@pytest.mark.parametrize("cast", ARRAYS.values(), ids=ARRAYS)
def test_every_type_of_array_drives_the_car_as_in_gymnasium(cast: Cast) -> None:
    play("CarRacing-v3", cast_from(drifting(np.random.default_rng(4), 3), cast), 7, 20, max_episode_steps=20)


def test_types_may_change_from_step_to_step() -> None:
    rng = np.random.default_rng(5)
    casts = [*ARRAYS.values(), *SEQUENCES.values()]
    for env_id, dimensions, kwargs in CLIPPING:
        any_type = cast_from(drifting(rng, dimensions), lambda action: casts[rng.integers(len(casts))](action))
        play(env_id, any_type, 70, 6000, **kwargs)


def test_the_car_takes_lists_as_float64() -> None:
    """Where Gymnasium asks for an array."""
    native, twin = make("CarRacing-v3"), make("CarRacing-v3")
    native.reset(seed=1)
    twin.reset(seed=1)
    for action in ([0.1, 0.7, 0.0], [0, 1, 0]):
        assert difference(native.step(action)[:4], twin.step(np.array(action, np.float64))[:4]) is None


# --- beyond the bounds

NEXT = np.nextafter
EDGES = [0.5, 1.0, 2.0, 100.0, 1e30, 1e300, np.inf, 0.0, 5e-324, 1e-45, 6e-8, 1e-310]
EDGES = [*EDGES, *(NEXT(bound, towards) for bound in (0.5, 1.0, 2.0) for towards in (0.0, 9.0))]
EDGES = [*EDGES, *(-edge for edge in EDGES)]


def edges(dtype: type[np.floating[Any]], dimensions: int, rng: np.random.Generator) -> Iterator[NDArray[Any]]:
    """Edges in every dimension, beside moderate numbers."""
    with np.errstate(over="ignore"):
        numbers = np.array(EDGES, np.float64).astype(dtype)
    for dimension in range(dimensions):
        for number in rng.permutation(numbers):
            action = rng.uniform(-1.0, 1.0, dimensions).astype(dtype)
            action[dimension] = number
            yield action


def compare_steps(env_id: str, actions: Iterator[Any], seed: int, **kwargs: Any) -> None:
    """The same actions on both sides past any end."""
    native, theirs = both(env_id, **kwargs)
    core = theirs.unwrapped
    native.reset(seed=seed)
    core.reset(seed=seed)
    for action in actions:
        assert difference(native.step(action)[:4], core.step(action)[:4]) is None, action


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("env_id", "dimensions", "kwargs"), [*CLIPPING, WALKER])
def test_beyond_the_bounds_is_clipped_as_in_gymnasium(
    dtype: type[np.floating[Any]], env_id: str, dimensions: int, kwargs: dict[str, Any]
) -> None:
    for seed in range(4):
        compare_steps(env_id, edges(dtype, dimensions, np.random.default_rng(seed)), seed, **kwargs)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_mountain_car_s_force_is_clipped_and_costs_what_it_would_without(dtype: type[np.floating[Any]]) -> None:
    for seed in range(4):
        actions = edges(dtype, 1, np.random.default_rng(seed))
        # Gymnasium raises where a square overflows.
        with np.errstate(over="ignore"):
            finite = (action for action in actions if np.isinf(action[0]) or np.isfinite(np.float64(action[0]) ** 2))
            compare_steps("MountainCarContinuous-v0", finite, seed)


def test_a_force_whose_square_overflows_costs_infinitely_much() -> None:
    ours, theirs = both("MountainCarContinuous-v0")
    for env in (ours, theirs):
        env.reset(seed=0)
    with pytest.raises(OverflowError):
        theirs.step(np.array([1e300]))
    assert ours.step(np.array([1e300]))[1] == -np.inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_car_steers_beyond_the_bounds_as_in_gymnasium(dtype: type[np.floating[Any]]) -> None:
    compare_steps("CarRacing-v3", edges(dtype, 3, np.random.default_rng(0)), 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_nan_is_gymnasiums(dtype: type[np.floating[Any]]) -> None:
    """It fires no engine; a torque that is none makes the state NaN for good."""
    nan = [np.array(row, dtype) for row in ((np.nan, 0.7), (0.7, np.nan), (np.nan, np.nan), (0.1, 0.6))]
    compare_steps("LunarLander-v3", iter(20 * nan), 5, **LUNARLANDER)
    native, theirs = both("Pendulum-v1")
    native.reset(seed=1)
    theirs.reset(seed=1)
    for action in (np.array([np.nan], dtype), np.array([0.5], dtype)):
        ours, expected = native.step(action), theirs.step(action)
        assert np.isnan(ours[0]).all() and np.isnan(expected[0]).all()
        assert np.isnan(ours[1]) and np.isnan(float(expected[1])) and not ours[2]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.zeros(1, np.longdouble), f"got {np.dtype(np.longdouble)}"),
        (np.zeros(1, complex), "got complex128"),
        (["0.5"], "got <U3"),
        ([None], "got object"),
        ([10**400], "got object"),
    ],
)
def test_other_types_are_refused(action: Any, message: str) -> None:
    env = make("Pendulum-v1")
    env.reset(seed=0)
    with pytest.raises(InputError) as refused:
        env.step(action)
    assert str(refused.value) == f"action: expected float16, float32, float64 or integers, {message}"


@pytest.mark.parametrize("action", [0.5, [], [0.5, 0.5], [[0.5]], np.zeros((1, 1), np.float16)])
def test_other_shapes_are_refused(action: Any) -> None:
    env = make("Pendulum-v1")
    env.reset(seed=0)
    with pytest.raises(InputError) as refused:
        env.step(action)
    assert str(refused.value) == f"action: expected shape (1,) for Pendulum-v1, got {np.shape(action)}"
