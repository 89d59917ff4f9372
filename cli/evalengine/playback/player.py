"""Episodes of one individual in the real Gymnasium, step by step beside the native environment.

    weights, seed ──► Policy.logits ──► action ─┬─► Gymnasium, rendered ──► return, frames
                           ▲                    └─► native environment ──► first difference, if there is one
                           └── Gymnasium's observation

The logits are the engine's, not PyTorch's: PyTorch's tanh cannot be matched in every bit, and a return that shall be
equal needs every action equal. So each bit of an episode is Gymnasium's but for the policy, and its return is the
one that `evaluate` gave if the environments are equal. Importing this module imports Gymnasium; what else the
environment stands on is imported when `GymPlayer` is made. Depends on the references, make and acting.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import gymnasium
import numpy as np
from numpy.typing import NDArray

from evalengine.environments.native import make
from evalengine.environments.normalization import Normalization
from evalengine.environments.observation import ObservationOptions
from evalengine.environments.registry import describe
from evalengine.environments.rules import NoOps, NoOpsLike, StopLike
from evalengine.errors import OutputError
from evalengine.playback.acting import Act, Individual, actor
from evalengine.policies.individuals import AnyPolicy
from evalengine.policies.setting import SettingOptions
from evalengine.references import reference
from evalengine.references.divergence import Divergence, first_difference
from evalengine.references.wrappers import wrapped

Frame = NDArray[np.uint8]
ShowFrame = Callable[[Frame], object]


@dataclass(frozen=True)
class Setting:
    """What is played.

    Attributes:
        env_id: full id.
        policy: the architecture, or what graphs are.
        env_kwargs: keyword arguments of the environment.
        reset_options: options of every reset.
        observation: the wrappers before it; None for none.
        max_episode_steps: time limit in steps; None means the environment's own.
        normalize: what observations are normalised with before the policy sees them; None for nothing.
        epsilon: the probability of a random action.
        sticky: the probability that an action is the former one again.
        stop: when episodes are stopped early; None for never.
        no_ops: what their first steps play; None for what the policy says.
        action_repeat: how many times each action is played.
    """

    env_id: str
    policy: AnyPolicy
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    reset_options: Mapping[str, float] = field(default_factory=dict)
    observation: ObservationOptions | None = None
    max_episode_steps: int | None = None
    normalize: Normalization | None = None
    epsilon: float = 0.0
    sticky: float = 0.0
    stop: StopLike | None = None
    no_ops: NoOpsLike | None = None
    action_repeat: int = 1

    @classmethod
    def of(cls, env_id: str, policy: AnyPolicy, options: SettingOptions) -> Setting:
        """Return the setting that keywords of `evaluate` mean."""
        return cls(
            env_id,
            policy,
            options.get("env_kwargs") or {},
            options.get("reset_options") or {},
            ObservationOptions.of(options.get("observation")),
            options.get("max_episode_steps"),
            options.get("normalize"),
            options.get("epsilon", 0.0),
            options.get("sticky", 0.0),
            options.get("stop"),
            options.get("no_ops"),
            options.get("action_repeat", 1),
        )


@dataclass(frozen=True)
class Played:
    """One episode in Gymnasium.

    Attributes:
        total: the float64 sum of its rewards, first to last.
        length: steps of the environment; an action behind a frame skip is several.
        terminated: as its last step said.
        truncated: as its last step said.
        divergence: the first difference from the native environment, which took the same actions; None if every
            observation, reward and end was equal in every bit.
    """

    total: float
    length: int
    terminated: bool
    truncated: bool
    divergence: Divergence | None


class StepCounter(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Counts the steps of the environment itself and shows each frame: it stands below the frame skip.

    Attributes:
        steps: since the last reset.
    """

    def __init__(
        self, env: gymnasium.Env[Any, Any], show: ShowFrame | None, stepped: Callable[[], object] | None
    ) -> None:
        """Wrap `env`, which was made to render RGB arrays if there is a `show` to hand them to."""
        super().__init__(env)
        self.steps = 0
        self._show = show
        self._stepped = stepped

    def reset(self, **arguments: Any) -> Any:
        """Start an episode and show its first frame."""
        returned = super().reset(**arguments)
        self.steps = 0
        self._show_frame()
        return returned

    def step(self, action: Any) -> Any:
        """Take a step and show what it led to."""
        returned = super().step(action)
        self.steps += 1
        self._show_frame()
        if self._stepped is not None:
            self._stepped()
        return returned

    def _show_frame(self) -> None:
        if self._show is not None:
            frame: Any = self.env.render()
            self._show(frame)


class ActionRepeat(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Plays each action so many times, or until the episode ends; rewards are summed up, and the last is observed."""

    def __init__(self, env: gymnasium.Env[Any, Any], times: int) -> None:
        """Wrap `env`."""
        super().__init__(env)
        self._times = times

    def step(self, action: Any) -> Any:
        """Take several steps."""
        total = 0.0
        for _ in range(self._times):
            observation, reward, terminated, truncated, info = super().step(action)
            total += float(reward)
            if terminated or truncated:
                break
        return observation, total, terminated, truncated, info


class GymPlayer:
    """Gymnasium's environment and ours, made once and used for all episodes; closes Gymnasium's window at the end.

    Attributes:
        fps: frames per second at which the environment wants to be shown.
    """

    def __init__(
        self,
        setting: Setting,
        render_mode: str | None = None,
        show: ShowFrame | None = None,
        stepped: Callable[[], object] | None = None,
    ) -> None:
        """Make both environments.

        Args:
            setting: what is played.
            render_mode: "human" for a window, "rgb_array" for frames, None for neither.
            show: is handed each frame (height, width, 3) of render_mode "rgb_array": that of each reset, then one for
                each step of the environment.
            stepped: is called after each step of the environment.

        Raises:
            InputError: a name or an argument that the environment does not take.
            MissingDependencyError: a package that the environment or a wrapper stands on is not installed.
        """
        self._setting = setting
        self._native = make(
            setting.env_id,
            max_episode_steps=setting.max_episode_steps,
            observation=setting.observation,
            action_repeat=setting.action_repeat,
            stop=setting.stop,
            no_ops=setting.no_ops or 0,
            **setting.env_kwargs,
        )
        self._entry = describe(setting.env_id, setting.env_kwargs, setting.observation)
        self._counter = StepCounter(_reference(setting, render_mode), show, stepped)
        self.fps = float(self._counter.metadata["render_fps"])
        repeated = ActionRepeat(self._counter, setting.action_repeat) if setting.action_repeat > 1 else self._counter
        self._env = wrapped(repeated, setting.observation)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close Gymnasium's environment."""
        self._env.close()

    def play(self, individual: Individual, seed: int) -> Played:
        """Play one episode of an individual, weights (D,) or a graph, in Gymnasium.

        Whether a rule stops it is the native environment's to say, whose steps are equal as long as there is no
        divergence.

        Raises:
            OutputError: a window cannot be opened.
        """
        options = dict(self._setting.reset_options)
        observation = self._reset(seed, options)
        twin, _ = self._native.reset(seed=seed, options=options)
        divergence = first_difference((twin,), (observation,), seed=seed, step=0, action=None)
        act = self._actor(individual, seed)
        total, terminated, truncated, step = 0.0, False, False, 0
        while not (terminated or truncated):
            action = act(np.asarray(observation))
            returned = self._env.step(action)
            observation, reward, terminated, truncated = returned[:4]
            total += float(reward)
            step += 1
            *ours, info = self._native.step(action)
            truncated = truncated or "stopped" in info
            if divergence is None:
                # As in evaluate, rewards are float64, whatever number Gymnasium's are.
                theirs = (observation, float(reward), bool(terminated), bool(truncated))
                divergence = first_difference(tuple(ours), theirs, seed=seed, step=step, action=action)
        return Played(total, self._counter.steps, bool(terminated), bool(truncated), divergence)

    def _reset(self, seed: int, options: dict[str, float]) -> NDArray[Any]:
        try:
            observation, _ = self._env.reset(seed=seed, options=options or None)
        except Exception as error:
            # pygame, which is imported by Gymnasium if at all, says so where there is no screen.
            if type(error).__module__.partition(".")[0] == "pygame":
                raise OutputError(f"render: cannot open a window: {error}") from None
            raise
        return np.asarray(observation)

    def _actor(self, individual: Individual, seed: int) -> Act:
        setting = self._setting
        return actor(
            setting.policy,
            individual,
            self._entry,
            seed,
            normalize=setting.normalize,
            channels_last=setting.observation is None or setting.observation.has_channels,
            epsilon=setting.epsilon,
            sticky=setting.sticky,
            no_ops=NoOps.of(setting.no_ops or 0),
        )


def _reference(setting: Setting, render_mode: str | None) -> gymnasium.Env[Any, Any]:
    """Return the reference's environment, without Gymnasium's checker, which looks and changes nothing."""
    limit = {} if setting.max_episode_steps is None else {"max_episode_steps": setting.max_episode_steps}
    with warnings.catch_warnings():
        # Of settings that it advises against, and of a window for an environment that has only frames.
        warnings.simplefilter("ignore", UserWarning)
        return reference(setting.env_id).make(
            disable_env_checker=True, render_mode=render_mode, **limit, **setting.env_kwargs
        )
