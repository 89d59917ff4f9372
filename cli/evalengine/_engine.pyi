"""The typed surface of the Rust extension: checked, converted and documented by the Python package around it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NotRequired, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.observation import RawOptions
from evalengine.environments.rules import RawRules
from evalengine.evaluation.descriptors import RawDescriptor
from evalengine.evaluation.variation import RawVaried

# ("linear", outputs, bias), a recurrent cell ("lstm", hidden, bias), ("conv2d", out_channels, kernel, stride, padding,
# dilation, groups, bias), ("max_pool2d", kernel, stride, padding), ("avg_pool2d", kernel, stride, padding,
# count_include_pad), ("global_avg_pool2d",), ("layer_norm", eps, weight, bias), ("skip",), ("add_skip",), or an
# activation with all of its parameters: ("tanh",), ("leaky_relu", 0.01), ("softplus", 1.0, 20.0)
Layer: TypeAlias = (
    tuple[str, int, bool]
    | tuple[str, int, tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int], int, bool]
    | tuple[str, tuple[int, int], tuple[int, int], tuple[int, int]]
    | tuple[str, tuple[int, int], tuple[int, int], tuple[int, int], bool]
    | tuple[str, float, bool, bool]
    | tuple[str]
    | tuple[str, float]
    | tuple[str, float, float]
)

class EnvironmentEntry(TypedDict):
    """One row of the registry of environments."""

    id: str
    short_name: str
    summary: str
    observation_shape: tuple[int, ...]
    observation_dtype: str
    image_shape: tuple[int, int, int] | None
    observation_fields: tuple[str, ...]
    event_fields: tuple[str, ...]
    action_space: str
    n_actions: int | None
    action_low: list[float] | None
    action_high: list[float] | None
    variant_of: str | None
    max_episode_steps: int | None
    default_policy: str
    kwargs: dict[str, bool | int | float]
    reset_options: dict[str, float]

class RawTrajectory(TypedDict):
    """One episode, step by step; see `evalengine.evaluation.trajectories`."""

    individual: int
    episode: int
    observations: NDArray[Any]
    actions: NDArray[Any]
    rewards: NDArray[np.float64]
    terminated: bool
    truncated: bool

# count, sum, sum of squares
RawStatistics: TypeAlias = tuple[int, NDArray[np.float64], NDArray[np.float64]]

class RawEvaluation(TypedDict):
    """What one call of `evaluate` returns: arrays in the order of the population; the last five where asked for."""

    fitness: NDArray[np.float32]
    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    stopped: NDArray[np.int8]
    failed: NDArray[np.bool_]
    steps: int
    seconds: float
    final_observation: NotRequired[NDArray[np.float32]]
    descriptors: NotRequired[NDArray[np.float64]]
    trajectories: NotRequired[list[RawTrajectory]]
    statistics: NotRequired[RawStatistics]
    partial_sums: NotRequired[list[tuple[int, int, RawStatistics]]]

class EngineError(ValueError):
    """An input that the engine refuses, or an evaluation that it could not finish."""

class NonFiniteError(EngineError):
    """A policy's logits became NaN or infinite; `individual` and `episode` say where."""

    individual: int
    episode: int

class OutOfMemoryError(MemoryError):
    """Memory that a call needs could not be had."""

class InternalError(RuntimeError):
    """A bug in the engine."""

class Network:
    """A policy architecture, ready to run; immutable and shared between threads."""

    n_params: int
    n_inputs: int
    n_outputs: int
    n_state: int
    macs: int
    exactness: str | None
    def __init__(self, input_shape: tuple[int, ...], layers: Sequence[Layer]) -> None: ...
    def logits(self, weights: NDArray[np.float32], observations: NDArray[np.float32]) -> NDArray[np.float32]: ...
    def step(
        self, weights: NDArray[np.float32], observations: NDArray[np.float32], states: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...

RawForm: TypeAlias = tuple[tuple[int, int], bool, str, bool]
"""What all graphs of a population have in common: (inputs, outputs), is_recurrent, inputs, is_compensated."""

class Graphs:
    """A population of graphs, compiled; immutable and shared between threads."""

    def __init__(
        self,
        shape: tuple[int, int],
        is_recurrent: bool,
        inputs: str,
        is_compensated: bool,
        arrays: tuple[NDArray[Any], ...],
        threads: int,
    ) -> None:
        """Compile graphs of `shape` (inputs, outputs) on so many threads.

        `arrays` are node_counts (P,) int64, connection_counts (P,) int64, nodes (N,) int64, activations (N,) uint8,
        aggregations (N,) uint8, biases and responses (N,) float64, sources and targets (C,) int64, weights (C,) float64
        and enabled (C,) bool.
        """

    def __len__(self) -> int: ...
    def sizes(self) -> list[tuple[int, int]]:
        """Nodes that are computed and connections that play, of each individual."""

    def activate(self, individuals: list[int], observations: NDArray[np.float32]) -> NDArray[np.float64]:
        """(lanes, steps, outputs) for observations (lanes, steps, inputs): each lane is an episode of an individual."""

class Environment:
    """One native episode, stepped from Python; not for speed."""

    observation_shape: tuple[int, ...]
    def __init__(
        self,
        env_id: str,
        kwargs: Mapping[str, bool | int | float],
        max_episode_steps: int | None,
        observation: RawOptions | None = None,
        action_repeat: int = 1,
        rules: RawRules | None = None,
    ) -> None: ...
    def reset(self, seed: int | None, options: Mapping[str, float]) -> NDArray[Any]: ...
    def step(
        self, action: int | NDArray[np.float32 | np.float64], is_float16: bool = False
    ) -> tuple[NDArray[Any], float, bool, bool, int]: ...
    def state(self) -> dict[str, Any]: ...

def environments() -> list[EnvironmentEntry]: ...
def describe(
    env_id: str, kwargs: Mapping[str, bool | int | float], observation: RawOptions | None = None
) -> EnvironmentEntry: ...
def build_info() -> dict[str, str]: ...
def available_threads() -> int: ...
def evaluate(
    env_id: str,
    env_kwargs: Mapping[str, bool | int | float],
    reset_options: Mapping[str, float],
    network: Network,
    head: str,
    weights: NDArray[np.float32],
    seeds: NDArray[np.uint64],
    *,
    threads: int,
    max_episode_steps: int | None = None,
    on_nan: float | None = None,
    keep_final_observation: bool = False,
    progress: Callable[[int, int], object] | None = None,
    observation: RawOptions | None = None,
    normalization: tuple[NDArray[np.float32], NDArray[np.float32], float | None] | None = None,
    descriptors: Sequence[RawDescriptor] = (),
    trajectories: Sequence[int] = (),
    most_trajectory_bytes: int = 0,
    statistics: bool = False,
    share: tuple[int, int] | None = None,
    exploration: tuple[Sequence[float] | None, float, float] = ((), 0.0, 0.0),
    rules: RawRules = (0, [], None, 0.0, None, None),
    action_repeat: int = 1,
    variation: Sequence[RawVaried] = (),
    graphs: tuple[RawForm, tuple[NDArray[Any], ...] | list[Any], str, float] | None = None,
) -> RawEvaluation: ...
def graph_functions() -> tuple[list[str], list[str]]:
    """Names of activations and of aggregations, in the order of their numbers."""

def graph_actions(
    head: str, outputs: NDArray[np.float64], low: list[float], high: list[float]
) -> NDArray[np.float32]: ...
def read_genomes(genomes: list[Any]) -> dict[str, NDArray[Any]]:
    """The arrays of `Graphs` (see evalengine.policies.graphs), of neat-python's genomes, or of (id, genome)."""

def continuous_actions(
    head: str, logits: NDArray[np.float32], low: list[float], high: list[float]
) -> NDArray[np.float32]: ...
def fail(message: str, bytes: int | None = None) -> None:
    """Panic, or need so many bytes, for tests of what becomes of that."""

def instruction_sets() -> list[str]:
    """Return the names of the instruction sets that this processor has, the fastest last."""

def activation(
    name: str, parameters: Sequence[float], values: NDArray[np.float32], isa: str | None = None
) -> NDArray[np.float32]:
    """Return an activation of float32 values of any shape, by one of `instruction_sets`, or by the engine's own."""

def libm_in_lanes() -> list[str]: ...
def libm(function: str, arguments: NDArray[np.float64], in_lanes: bool) -> NDArray[np.float64]: ...
def multiply_adds(steps: int) -> int: ...
def raster_polygons(
    polygons: Sequence[tuple[str, tuple[int, int, int], Sequence[tuple[float, float]]]],
) -> NDArray[np.uint8]: ...
def render_scene(
    polygons: Sequence[tuple[str, tuple[int, int, int], Sequence[tuple[float, float]]]],
    score: float | None = None,
    renderer: str = "fast",
) -> NDArray[np.uint8]: ...
