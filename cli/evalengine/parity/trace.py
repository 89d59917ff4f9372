"""One side's run, step by step, as arrays: what comparers compare and golden files hold.

    reference ──► record (a driver chooses) ──► Trace ──► replay (the same seeds and actions) ◄── native environment

Both sides run freely from their seeds: nothing is handed from one to the other but the actions. Every third episode
goes on with the random stream of the episode before instead of being seeded, so a draw too many or too few in that one
shows. Depends on NumPy and the adapters' types only.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.arguments import SEED_LIMIT
from evalengine.environments.registry import EnvironmentEntry
from evalengine.parity.watched import Watched
from evalengine.references import Player, Reference, Variant

PIECE = 20_000
"""Steps of a longer run that are held in memory at once."""

VISITED_ROWS = 1000
"""Observations of a piece that are kept for comparing logits."""

PIECE_BYTES, VISITED_BYTES = 2**26, 2**23
"""What the observations of a piece, and those of it that are kept, may take: less of them if they are images."""


def rows_within(size: int, entry: EnvironmentEntry) -> int:
    """Return how many observations of an environment take `size` bytes; at least one."""
    return max(1, size // (entry.n_inputs * np.dtype(entry.observation_dtype).itemsize))


@dataclass(frozen=True, eq=False)
class Schedule:
    """What was done, N rows: of each episode, its reset (step 0), then its steps.

    Attributes:
        seed: (N,) uint64, of the reset; of the last seeded one where the episode goes on with the stream.
        episode: (N,) int64, from 0.
        step: (N,) int64; 0 is the reset.
        action: (N,) int64, or (N, dimensions) float32; 0 at a reset.
    """

    seed: NDArray[np.uint64]
    episode: NDArray[np.int64]
    step: NDArray[np.int64]
    action: NDArray[Any]

    @property
    def steps(self) -> int:
        """How many rows are steps."""
        return int(np.count_nonzero(self.step))


@dataclass(frozen=True, eq=False)
class Trace(Schedule):
    """What was done and what came back, row by row.

    Attributes:
        observation: (N, *shape), as the environment returned them.
        reward: (N,) float64.
        terminated: (N,) bool.
        truncated: (N,) bool.
        state: (N, numbers) float64: parts of the state that the observation does not show in full; may have no column.
        logits: (N, n_outputs) float32 that chose the action, 0 at a reset; None in an open loop.
        state_parts: (name, how many numbers) of each part of the state, in the order of its columns; may be unknown.
    """

    observation: NDArray[Any]
    reward: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    state: NDArray[np.float64]
    logits: NDArray[np.float32] | None = None
    state_parts: tuple[tuple[str, int], ...] = ()

    @property
    def episodes(self) -> int:
        """How many episodes have come to their end."""
        return int(np.count_nonzero(self.terminated | self.truncated))

    def at(self, rows: NDArray[np.intp]) -> Trace:
        """Return some of the rows."""
        values = ((part.name, getattr(self, part.name)) for part in fields(self))
        chosen: dict[str, Any] = {name: value[rows] for name, value in values if isinstance(value, np.ndarray)}
        return replace(self, **chosen)


def joined(traces: Sequence[Trace]) -> Trace:
    """Return the rows of several traces as one, ordered by episode and step."""
    names = [part.name for part in fields(Trace) if isinstance(getattr(traces[0], part.name), np.ndarray)]
    arrays: dict[str, Any] = {name: np.concatenate([getattr(trace, name) for trace in traces]) for name in names}
    return replace(traces[0], **arrays).at(np.lexsort((arrays["step"], arrays["episode"])))


ReadState = Callable[[Any], Mapping[str, Any]]
"""An environment -> numbers by name."""


def no_state(env: Any) -> Mapping[str, Any]:
    """Return no numbers: the observation shows the state in full."""
    return {}


@dataclass
class TraceRows:
    """The rows of a trace in the making."""

    seed: list[int] = field(default_factory=list)
    episode: list[int] = field(default_factory=list)
    step: list[int] = field(default_factory=list)
    action: list[Any] = field(default_factory=list)
    observation: list[Any] = field(default_factory=list)
    reward: list[float] = field(default_factory=list)
    terminated: list[bool] = field(default_factory=list)
    truncated: list[bool] = field(default_factory=list)
    state: list[Mapping[str, Any]] = field(default_factory=list)
    logits: list[NDArray[np.float32]] = field(default_factory=list)

    def add_reset(self, seed: int, episode: int, observation: Any, state: Mapping[str, Any]) -> None:
        """Append what a reset returned."""
        self.seed.append(seed)
        self.episode.append(episode)
        self.step.append(0)
        self._add(0, (observation, 0.0, False, False), state)

    def add_step(
        self,
        action: Any,
        returned: tuple[Any, ...],
        state: Mapping[str, Any],
        logits: NDArray[np.float32] | None = None,
    ) -> None:
        """Append what a step returned, and the logits that chose its action in a closed loop."""
        if logits is not None:
            if self.step[-1] == 0:
                self.logits.append(np.zeros_like(logits))
            self.logits.append(logits)
        self.seed.append(self.seed[-1])
        self.episode.append(self.episode[-1])
        self.step.append(self.step[-1] + 1)
        self._add(action, returned, state)

    def _add(self, action: Any, returned: tuple[Any, ...], state: Mapping[str, Any]) -> None:
        self.action.append(action)
        # The environment may go on writing into the array that it returned.
        self.observation.append(np.array(returned[0]))
        self.reward.append(float(returned[1]))
        self.terminated.append(bool(returned[2]))
        self.truncated.append(bool(returned[3]))
        self.state.append(state)

    def trace(self) -> Trace:
        """Return the arrays."""
        # At a reset there is none, and 0 in its place.
        is_discrete = all(np.ndim(action) == 0 for action in self.action[:2])
        return Trace(
            seed=np.array(self.seed, np.uint64),
            episode=np.array(self.episode, np.int64),
            step=np.array(self.step, np.int64),
            action=np.array(self.action, np.int64) if is_discrete else _box_actions(self.action),
            observation=np.stack(self.observation),
            reward=np.array(self.reward, np.float64),
            terminated=np.array(self.terminated, np.bool_),
            truncated=np.array(self.truncated, np.bool_),
            state=_numbers(self.state),
            logits=np.stack(self.logits) if self.logits else None,
            state_parts=tuple((name, int(np.size(part))) for name, part in self.state[0].items()),
        )


def record(
    reference: Reference,
    variant: Variant,
    players: Mapping[str, Player],
    *,
    seed: int,
    steps: int,
    first_episode: int = 0,
) -> tuple[Trace, Counter[str]]:
    """Run the reference with drivers that take turns, episode by episode.

    Args:
        reference: the environment.
        variant: how it is set up.
        players: name -> driver.
        seed: of episode 0, counted on from there, and of the drivers.
        steps: how many; the last episode may stay unfinished.
        first_episode: the number of the episode to begin with, where another trace has had those before.

    Returns:
        The trace, and how often which rare branch was reached: "terminated", "truncated", both of them at once, and
        what the adapter foresees.
    """
    env = make_reference(reference, variant)
    core, read_state = env.unwrapped, reference.state or no_state
    rng = np.random.default_rng([seed, first_episode])
    takes_turns = list(players.values())
    rows, events = TraceRows(), Counter[str]()
    for episode, reset_seed, stream_seed in _schedule(seed, first_episode):
        if steps == 0:
            break
        observation, _ = env.reset(seed=reset_seed, options=_options(variant))
        rows.add_reset(stream_seed, episode, observation, read_state(core))
        choose = takes_turns[episode % len(takes_turns)](core, rng)
        ended = False
        while steps > 0 and not ended:
            action = choose(observation)
            events.update(reference.foreseen(core, action))
            returned = env.step(action)
            rows.add_step(action, returned, read_state(core))
            observation, ended = returned[0], bool(returned[2] or returned[3])
            steps -= 1
        events.update(_endings(rows, reference, core))
    return rows.trace(), events


def replay(env: Any, trace: Schedule, options: Mapping[str, float] | None, state_names: tuple[str, ...] = ()) -> Trace:
    """Run a native environment with the seeds and actions of a trace, whatever it returns.

    Args:
        env: as `evalengine.make` returns it, with the keyword arguments and the time limit of the trace.
        trace: of the reference.
        options: of every reset.
        state_names: the parts of `env.state()` to keep.
    """
    rows = TraceRows()
    is_box = trace.action.ndim > 1
    previous: int | None = None
    for row in range(len(trace.step)):
        if trace.step[row] == 0:
            seed = int(trace.seed[row])
            observation, _ = env.reset(seed=None if seed == previous else seed, options=options)
            rows.add_reset(seed, int(trace.episode[row]), observation, _native_state(env, state_names))
            previous = seed
        else:
            action = trace.action[row] if is_box else int(trace.action[row])
            rows.add_step(action, env.step(action), _native_state(env, state_names))
    return rows.trace()


def make_reference(reference: Reference, variant: Variant) -> Any:
    """Return the reference's environment.

    Gymnasium's checker, which looks and changes nothing, is left out; so are warnings of settings and versions that it
    advises against, which are chosen on purpose.

    Its `reset` and `step` raise ReferenceFailedError where the reference itself raises something: then there is nothing
    to compare with.
    """
    limit = {} if variant.max_episode_steps is None else {"max_episode_steps": variant.max_episode_steps}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        env = reference.make(disable_env_checker=True, **limit, **variant.kwargs)
    package = f"{reference.package} {reference.version()}"
    return Watched(env, f"{package}: {reference.env_id}{f' ({variant})' if str(variant) else ''}")


def spread_rows(count: int, most: int) -> NDArray[np.intp]:
    """Return the indices of at most `most` of `count` rows, evenly spread from the first to the last."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.intp))


def _options(variant: Variant) -> dict[str, float] | None:
    return None if variant.options is None else dict(variant.options)


def _schedule(seed: int, first_episode: int) -> Iterator[tuple[int, int | None, int]]:
    """Yield (episode, seed for its reset, seed of its random stream) for ever."""
    stream: int | None = None
    for episode in count(first_episode):
        goes_on = episode % 3 == 2 and stream is not None
        stream = stream if goes_on and stream is not None else (seed + episode) % SEED_LIMIT
        yield episode, None if goes_on else stream, stream


def _endings(rows: TraceRows, reference: Reference, core: Any) -> list[str]:
    terminated, truncated = rows.terminated[-1], rows.truncated[-1]
    names = ["terminated"] * terminated + ["time limit"] * truncated
    if terminated and truncated:
        names.append("terminated at the time limit")
    return [name for name in [*names, reference.ending(core) if terminated else ""] if name]


def _native_state(env: Any, names: tuple[str, ...]) -> Mapping[str, Any]:
    if not names:
        return {}
    state = env.state()
    return {name: state[name] for name in names}


def _numbers(states: list[Mapping[str, Any]]) -> NDArray[np.float64]:
    # Part by part: a hundred times fewer arrays than row by row.
    columns = [np.array([state[name] for state in states], np.float64).reshape(len(states), -1) for name in states[0]]
    return np.concatenate([np.empty((len(states), 0)), *columns], axis=1)


def _box_actions(actions: list[Any]) -> NDArray[np.float32]:
    dimensions = next(len(action) for action in actions if np.ndim(action))
    return np.array([action if np.ndim(action) else [0.0] * dimensions for action in actions], np.float32)
