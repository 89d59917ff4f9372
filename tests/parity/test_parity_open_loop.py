"""The open loop: both sides agree on every bit, and the comparison notices whatever could be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest

from evalengine import make
from evalengine.environments.registry import entries, resolve
from evalengine.parity import open_loop as module
from evalengine.parity.compare import compare_traces
from evalengine.parity.drivers import player
from evalengine.parity.open_loop import native_replay, open_loop, variants_section
from evalengine.parity.report import Section, Verdict
from evalengine.parity.trace import Trace, record
from evalengine.references import Reference, Variant, reference

SHORT_NAMES = [entry.short_name for entry in entries()]


def traces(name: str, driver: str = "random", steps: int = 300) -> tuple[Trace, Trace]:
    """Ours and the reference's."""
    found = reference(name)
    theirs, _ = record(found, Variant(), {driver: player(driver, resolve(name), found.drivers)}, seed=3, steps=steps)
    return native_replay(found, Variant(), theirs), theirs


def proven(found: Reference, driver: str = "random", steps: int = 300, variant: Variant | None = None) -> Section:
    players = {driver: player(driver, resolve(found.env_id), found.drivers)}
    return open_loop(found, variant or Variant(), players, name="open loop", seed=5, steps=steps)[0]


@pytest.mark.parametrize("name", SHORT_NAMES)
def test_every_environment_equals_its_reference(name: str) -> None:
    found = reference(name)
    for driver in ("random", "sticky", *found.drivers):
        steps = found.share_of(500)
        section = proven(found, driver, steps=steps)
        assert (section.verdict, section.steps, section.worst_error) == (Verdict.HOLDS, steps, 0.0), section
        assert section.columns is not None and section.columns["equal"].all()
    if found.variants:
        section = variants_section(found, ["random", *found.drivers], name="variants", seed=1, steps=steps)
        assert (section.verdict, section.steps) == (Verdict.HOLDS, steps), section


def test_a_long_run_is_made_of_pieces_that_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 100)
    section = proven(reference("cartpole"), steps=350)
    assert (section.steps, section.verdict) == (350, Verdict.HOLDS)
    columns = section.columns
    assert columns is not None
    seeds, episodes, steps = columns["seed"], columns["episode"], columns["step"]
    assert np.count_nonzero(steps) == 350
    starts = np.flatnonzero(steps == 0)
    assert episodes[starts].tolist() == list(range(len(starts)))
    assert all(int(seeds[row]) in (5 + int(episodes[row]), 4 + int(episodes[row])) for row in starts)


def test_the_same_seed_is_the_same_trace_and_another_is_not() -> None:
    one, again = traces("snake")[1], traces("snake")[1]
    assert one.observation.tobytes() == again.observation.tobytes()
    found = reference("snake")
    random = {"random": player("random", resolve("snake"), {})}
    other, _ = record(found, Variant(), random, seed=4, steps=300)
    assert other.observation.tobytes() != one.observation.tobytes()


# --- teeth: whatever is changed is found, and found where it is


def one_ulp_up(values: np.ndarray[Any, Any], row: int) -> np.ndarray[Any, Any]:
    changed = values.copy()
    flat = changed[row : row + 1].reshape(-1)
    flat[-1] = np.nextafter(flat[-1], np.asarray(np.inf, flat.dtype))
    changed[row : row + 1] = flat.reshape(changed[row : row + 1].shape)
    return changed


def flipped(values: np.ndarray[Any, Any], row: int) -> np.ndarray[Any, Any]:
    changed = values.copy()
    changed[row] = 1 - changed[row] if changed.dtype != np.bool_ else ~changed[row]
    return changed


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("observation", one_ulp_up),
        ("state", one_ulp_up),
        ("reward", one_ulp_up),
        ("action", flipped),
        ("terminated", flipped),
        ("truncated", flipped),
    ],
)
@pytest.mark.parametrize("row", [0, 1, 150])
def test_one_changed_bit_in_one_field_of_one_row_is_found_there(
    field: str, change: Callable[[Any, int], Any], row: int
) -> None:
    ours, theirs = traces("cartpole")
    comparison = compare_traces(replace(ours, **{field: change(getattr(ours, field), row)}), theirs)
    assert comparison.mismatches == 1
    assert np.flatnonzero(comparison.differing).tolist() == [row]
    assert comparison.columns["equal"].tolist().index(False) == row
    first = comparison.first_divergence
    assert first is not None
    expected = "state theta_dot" if field == "state" else field  # the last part of the state
    assert (first.field, first.step, first.seed) == (expected, theirs.step[row], theirs.seed[row])
    assert first.episode == theirs.episode[row]


def test_another_dtype_is_found_in_every_row() -> None:
    ours, theirs = traces("snake", steps=20)
    comparison = compare_traces(replace(ours, observation=ours.observation.astype(np.float64)), theirs)
    assert comparison.mismatches == len(theirs.step)
    assert comparison.first_divergence is not None and "dtype" in comparison.first_divergence.comparison


@pytest.mark.parametrize("field", ["observation", "reward", "action", "terminated", "truncated", "state"])
def test_another_dtype_of_equal_values_is_found_in_every_field(field: str) -> None:
    ours, theirs = traces("cartpole")
    values = getattr(ours, field)
    # Of the same width, and of another one; the bits of 0, of which there are many, are the same in all of them.
    for dtype in ("i8", "u8", "f4", "f8", "i1", "u1", "b1"):
        if np.dtype(dtype) != values.dtype:
            comparison = compare_traces(replace(ours, **{field: values.astype(dtype)}), theirs)
            assert comparison.mismatches == len(theirs.step), dtype
            assert comparison.first_divergence is not None
            assert (comparison.first_divergence.field.split()[0], comparison.first_divergence.step) == (field, 0)


@pytest.mark.parametrize("field", ["observation", "reward", "state"])
def test_a_nan_equals_itself_alone_and_zeros_have_signs(field: str) -> None:
    """What an environment returns is claimed to the bit, payload and sign of a NaN included."""
    ours, theirs = traces("cartpole")
    width = getattr(ours, field).dtype.itemsize
    quiet, other = (0x7FC00000, 0x7FC00001) if width == 4 else (0x7FF8 << 48, (0x7FF8 << 48) + 1)
    sign = 1 << (8 * width - 1)

    def with_bits(trace: Trace, bits: int) -> Trace:
        values = getattr(trace, field).copy()
        values.reshape(-1).view(f"u{width}")[-1] = bits
        return replace(trace, **{field: values})

    for mine, other_side, mismatches in ((quiet, quiet, 0), (quiet, other, 1), (quiet, quiet | sign, 1), (0, sign, 1)):
        comparison = compare_traces(with_bits(ours, mine), with_bits(theirs, other_side))
        assert comparison.mismatches == mismatches, (hex(mine), hex(other_side))


def test_logits_alone_may_be_any_nan() -> None:
    """Results of arithmetic, whose NaNs depend on the order of an instruction's operands, which nothing specifies."""
    ours, theirs = traces("cartpole")
    logits = np.zeros((len(theirs.step), 2), np.float32)
    mine, reference = logits.copy(), logits.copy()
    mine.view(np.uint32)[5], reference.view(np.uint32)[5] = 0x7FC00000, 0xFFC00001
    mine[7], reference[7] = 0.0, -0.0
    comparison = compare_traces(replace(ours, logits=mine), replace(theirs, logits=reference))
    assert np.flatnonzero(comparison.differing).tolist() == [7]


def test_traces_of_different_episodes_are_refused() -> None:
    ours, theirs = traces("cartpole")
    with pytest.raises(ValueError, match="the same seed in every row"):
        compare_traces(replace(ours, seed=ours.seed + np.uint64(1)), theirs)


def test_errors_are_measured_where_numbers_differ() -> None:
    ours, theirs = traces("cartpole")
    rewards, observations = ours.reward.copy(), ours.observation.copy()
    rewards[5] += 0.25
    observations[9, 1] = np.nan
    comparison = compare_traces(replace(ours, reward=rewards), theirs)
    assert comparison.worst_error == 0.25
    assert comparison.columns["largest_difference"].tolist() == [0.25 * (row == 5) for row in range(len(rewards))]
    assert compare_traces(replace(ours, observation=observations), theirs).worst_error == np.inf
    assert compare_traces(replace(ours, observation=ours.observation[:, :2]), theirs).worst_error == np.inf


class OneDrawMore(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A reference that takes one random number more in every reset than ours does."""

    def reset(self, **kwargs: Any) -> Any:
        returned = self.env.reset(**kwargs)
        self.unwrapped.np_random.random()
        return returned


@pytest.mark.parametrize("name", SHORT_NAMES)
def test_a_dropped_random_draw_is_found(name: str) -> None:
    """Even in an environment that draws in its reset only: an episode that goes on with the stream shows it."""
    found = reference(name)

    class Drawing(Reference):
        def make(self, **kwargs: Any) -> Any:
            return OneDrawMore(super().make(**kwargs))

    drawing = Drawing(**{field: getattr(found, field) for field in found.__dataclass_fields__})
    players = {"random": player("random", resolve(name), {})}
    section, _ = open_loop(drawing, Variant(max_episode_steps=50), players, name="x", seed=0, steps=300)
    assert section.verdict is Verdict.BROKEN
    assert proven(found).verdict is Verdict.HOLDS


class Tampered:
    """Our environment with one ulp more in one observation."""

    def __init__(self, env: Any, at: int) -> None:
        self.env, self.at, self.steps = env, at, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def step(self, action: Any) -> Any:
        observation, *rest = self.env.step(action)
        self.steps += 1
        if self.steps == self.at:
            observation = observation.copy()
            observation.flat[0] = np.nextafter(observation.flat[0], np.float32(9))
        return observation, *rest


def test_a_wrong_environment_breaks_the_section_and_its_report_leads_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "make", lambda *args, **kwargs: Tampered(make(*args, **kwargs), at=41))
    section = proven(reference("cartpole"))
    assert (section.verdict, section.mismatches) == (Verdict.BROKEN, 1)
    first = section.first_divergence
    assert first is not None and first.index == (0,)
    assert first.case == "driver random"
    assert first.versions.keys() >= {"evalengine", "gymnasium", "numpy"}
    assert first.our_action == first.reference_action
