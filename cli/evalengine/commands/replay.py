"""`evalengine replay`: one individual in the real Gymnasium, to be watched, and to see that its return is the same.

    ReplayConfig ──► run ──► evaluate: returns, the best individual ──┐
                       └───► GymPlayer: the same episodes ──► video ──┴─► ReplayResult

Nothing is printed here; the caller renders the result and chooses the exit code from `ok`.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from evalengine.commands.fitting import choose
from evalengine.errors import InputError, MissingDependencyError, NonFiniteError
from evalengine.evaluation import Evaluation, evaluate
from evalengine.observation import ObservationLike, ObservationOptions
from evalengine.parity.divergence import Divergence
from evalengine.parity.references import reference
from evalengine.parity.versions import standing
from evalengine.video import VideoWriter, check_video, write_video
from evalengine.weights import LoadedWeights, load_weights

if TYPE_CHECKING:
    from evalengine.gym_player import Played, Setting

RENDER_MODES = ("human", "none")
"""What may be shown while it plays."""


@dataclass(frozen=True)
class ReplayConfig:
    """What to play, and where to show it.

    Attributes:
        weights: a .npy, .npz or .safetensors file with one vector or a population.
        env: short name or full id; None takes what the file says, or the only environment that fits.
        policy: spelling; None takes what the file says, or the environment's default.
        index: the individual, counted from 0, or "best": the highest mean return over the episodes that are played.
        episodes: how many to play; None means as many as `seeds`, or one.
        seeds: the first seed of consecutive ones, or one seed for each episode.
        env_kwargs: keyword arguments of the environment.
        reset_options: options of every reset.
        observation: frame skip, gray scale, size and stack of images; see `evalengine.ObservationOptions`.
        max_episode_steps: time limit in steps of the environment; None means the environment's own.
        threads: for choosing the best; None means the cores that this process may use.
        video: a .mp4 or .gif file for all episodes, one after the other; None records nothing.
        render: "human" opens Gymnasium's window, "none" does not.
    """

    weights: Path
    env: str | None = None
    policy: str | None = None
    index: int | Literal["best"] = "best"
    episodes: int | None = None
    seeds: int | tuple[int, ...] = 0
    env_kwargs: Mapping[str, bool | int | float] = field(default_factory=dict)
    reset_options: Mapping[str, float] = field(default_factory=dict)
    observation: ObservationLike | None = None
    max_episode_steps: int | None = None
    threads: int | None = None
    video: Path | None = None
    render: str = "none"


@dataclass(frozen=True)
class EpisodeReplay:
    """One episode on both sides.

    Attributes:
        seed: of its reset.
        evaluated: its return as `evaluate` gave it, float64.
        evaluated_length: its steps there.
        evaluated_ends: (terminated, truncated) there.
        played: what Gymnasium gave.
    """

    seed: int
    evaluated: float
    evaluated_length: int
    evaluated_ends: tuple[bool, bool]
    played: Played

    @property
    def ok(self) -> bool:
        """Whether return, length and end are the same in every bit, and so is every step.

        A sum can hide what differs: 5.0 + 1.0 and 5.0 + 1.0000000000000002 are both 6.0.
        """
        ends = (self.played.terminated, self.played.truncated)
        is_equal = np.float64(self.evaluated).tobytes() == np.float64(self.played.total).tobytes()
        is_equal &= self.evaluated_length == self.played.length and self.evaluated_ends == ends
        return is_equal and self.divergence is None

    @property
    def divergence(self) -> Divergence | None:
        """The first step at which Gymnasium and the native environment differ; None if none does."""
        return self.played.divergence

    def to_json(self) -> dict[str, object]:
        """Return the episode's part of `--json`."""
        return {
            "seed": self.seed,
            "ok": self.ok,
            "evaluated_return": self.evaluated,
            "return": self.played.total,
            "evaluated_length": self.evaluated_length,
            "length": self.played.length,
            "evaluated_terminated": self.evaluated_ends[0],
            "evaluated_truncated": self.evaluated_ends[1],
            "terminated": self.played.terminated,
            "truncated": self.played.truncated,
            "first_divergence": None if self.divergence is None else self.divergence.to_json(),
        }


@dataclass(frozen=True)
class ReplayResult:
    """What was played and whether it is what was evaluated.

    Attributes:
        config: what was asked for.
        env_id: full id.
        policy: canonical spelling.
        individual: its position in the file.
        population: how many individuals the file has.
        episodes: in the order in which they were played.
        frames: of the video; 0 without one.
        fps: frames per second of the video.
        unproven: why a difference would break no claim here, such as another version of Gymnasium; "" if it would.
    """

    config: ReplayConfig
    env_id: str
    policy: str
    individual: int
    population: int
    episodes: tuple[EpisodeReplay, ...]
    frames: int
    fps: float
    unproven: str

    @property
    def ok(self) -> bool:
        """Whether every episode is the one that `evaluate` played."""
        return all(episode.ok for episode in self.episodes)

    def to_json(self) -> dict[str, object]:
        """Return the document of `--json`."""
        return {
            "env": self.env_id,
            "policy": self.policy,
            "weights": str(self.config.weights),
            "individual": self.individual,
            "population": self.population,
            "ok": self.ok,
            "video": None if self.config.video is None else str(self.config.video),
            "frames": self.frames,
            "fps": self.fps,
            "unproven": self.unproven,
            "episodes": [episode.to_json() for episode in self.episodes],
        }


def run(config: ReplayConfig, progress: Callable[[str], object] = lambda line: None) -> ReplayResult:
    """Evaluate, choose the individual, play its episodes in Gymnasium, write the video.

    Args:
        config: what to play.
        progress: called with a line for people before each episode.

    Raises:
        InputError: a file, a name or a number that cannot be used; raised before any episode starts.
        NonFiniteError: the individual's weights or logits are NaN or infinite.
        MissingDependencyError: Gymnasium, or what records the video, is not installed.
        OutputError: the video cannot be written, or no window can be opened.
    """
    _check_outputs(config)
    observation = ObservationOptions.of(config.observation)
    loaded = load_weights(config.weights, config.policy)
    entry, policy = choose(loaded, config.env, config.env_kwargs, observation)
    policy.check_fits(entry)
    candidates = _candidates(config.index, loaded)
    if importlib.util.find_spec("gymnasium") is None:
        raise MissingDependencyError.of("gymnasium", extra="gymnasium")
    unproven = standing(*reference(entry.id).packages).unproven  # imports what the environment stands on, too
    from evalengine.gym_player import Setting

    setting = Setting(entry.id, policy, config.env_kwargs, config.reset_options, observation, config.max_episode_steps)
    # Made before the episodes are evaluated, so that a missing package or a bad name is known before any work.
    with _stage(setting, config) as (play, writer, fps):
        evaluation = _evaluated(config, setting, loaded.weights[candidates])
        row = _best_row(evaluation, loaded)
        individual = int(candidates[row])
        episodes = []
        for position, seed in enumerate(evaluation.seeds[row].tolist()):
            progress(f"individual {individual}: episode {position + 1} of {len(evaluation.seeds[row])}, seed {seed}")
            played = play(loaded.weights[individual], seed)
            episodes.append(_episode(evaluation, row, position, played))
    return ReplayResult(
        config, entry.id, str(policy), individual, len(loaded.weights), tuple(episodes), writer.frames, fps, unproven
    )


class _NoVideo:
    """Stands where a VideoWriter would."""

    frames = 0


@contextmanager
def _stage(
    setting: Setting, config: ReplayConfig
) -> Iterator[tuple[Callable[[NDArray[np.float32], int], Played], VideoWriter | _NoVideo, float]]:
    """Yield what plays an episode, who counts its frames, and how many of them make a second."""
    from evalengine.gym_player import GymPlayer

    with ExitStack() as stack:
        if config.render == "none":
            stack.enter_context(_no_screen())
        if config.video is None:
            player = stack.enter_context(GymPlayer(setting, None if config.render == "none" else config.render))
            yield player.play, _NoVideo(), player.fps
            return
        writers: list[VideoWriter] = []
        player = stack.enter_context(GymPlayer(setting, "rgb_array", lambda frame: writers[0].add(frame)))
        writers.append(stack.enter_context(write_video(config.video, player.fps)))
        yield player.play, writers[0], player.fps


@contextmanager
def _no_screen() -> Iterator[None]:
    """Tell SDL not to look for a screen, which frames do not need, and of whose absence it would complain on stderr."""
    if "SDL_VIDEODRIVER" in os.environ:
        yield
        return
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    try:
        yield
    finally:
        del os.environ["SDL_VIDEODRIVER"]


def _check_outputs(config: ReplayConfig) -> None:
    if config.render not in RENDER_MODES:
        raise InputError(f"render: expected {' or '.join(RENDER_MODES)}, got {config.render!r}")
    if config.video is None:
        return
    if config.render != "none":
        raise InputError(f"render: expected either --video or --render {config.render}, got both")
    # Before the suffix, which a weights file would not have: this is the mistake that destroys something.
    if config.video.exists() and config.weights.exists() and config.video.samefile(config.weights):
        raise InputError(f"video: expected another file than the weights, got {config.video}")
    check_video(config.video)


def _candidates(index: int | Literal["best"], loaded: LoadedWeights) -> NDArray[np.int64]:
    """Return the positions of the individuals to be evaluated, of which the best is played."""
    population = len(loaded.weights)
    if index == "best":
        fits = population > 0
        candidates = np.arange(population, dtype=np.int64)
    else:
        fits = 0 <= index < population
        candidates = np.array([index], dtype=np.int64)
    if not fits:
        raise InputError(
            f"index: expected best or a position from 0 among the {population} individuals in {loaded.path}, "
            f"got {index}"
        )
    return candidates


def _evaluated(config: ReplayConfig, setting: Setting, weights: NDArray[np.float32]) -> Evaluation:
    episodes = 1 if config.episodes is None and isinstance(config.seeds, int) else config.episodes
    return evaluate(
        setting.env_id,
        weights,
        setting.policy,
        episodes=episodes,
        seeds=config.seeds if isinstance(config.seeds, int) else list(config.seeds),
        env_kwargs=setting.env_kwargs,
        reset_options=setting.reset_options,
        observation=setting.observation,
        max_episode_steps=setting.max_episode_steps,
        threads=config.threads,
        # Others than the best may fail; if the best has, all have.
        on_nan=-np.inf,
    )


def _best_row(evaluation: Evaluation, loaded: LoadedWeights) -> int:
    """Return the row with the highest fitness, the first of equals, among those that did not fail."""
    row = int(np.lexsort((-evaluation.fitness.astype(np.float64), evaluation.failed))[0])
    if evaluation.failed[row]:
        raise NonFiniteError(
            f"weights: {loaded.path}: expected an individual with finite weights and logits, got NaN or infinite ones"
        )
    return row


def _episode(evaluation: Evaluation, row: int, position: int, played: Played) -> EpisodeReplay:
    place = row, position
    return EpisodeReplay(
        seed=int(evaluation.seeds[place]),
        evaluated=float(evaluation.returns[place]),
        evaluated_length=int(evaluation.lengths[place]),
        evaluated_ends=(bool(evaluation.terminated[place]), bool(evaluation.truncated[place])),
        played=played,
    )
