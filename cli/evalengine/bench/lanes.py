"""Episodes on the lanes of a vector environment that resets itself: each lane plays one episode after the other.

    shard (I, D), (E,) ──► I x E episodes, dealt to the lanes as they come free ──► returns (I, E), lengths (I, E)

Works for every environment with Gymnasium's `VectorEnv.step` and `AutoresetMode.NEXT_STEP`: the step after an episode's
last one ignores its action, resets that lane and returns reward 0. Such a step belongs to no episode and is not
counted; nor are the steps of lanes for which no episode is left. The seeds are the environment's own: those of a shard
say only how many episodes are asked for. Lanes are as many as the policies have slots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated
from evalengine.bench.sharding import Size

if TYPE_CHECKING:
    from evalengine.bench.torch_population import PopulationPolicy

NOTE = "own seeds and auto-reset: steps of the episodes asked for"
"""What a row has to say of episodes that were played on lanes."""


class Lanes(Protocol):
    """What is asked of a vector environment; observations (lanes, ...), everything else (lanes,)."""

    def reset(self) -> NDArray[Any]:
        """All lanes begin an episode: their observations."""
        ...

    def step(
        self, actions: NDArray[Any], live: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
        """Observations, rewards, and whether the episode ended; only `live` lanes need to be stepped."""
        ...


def play_on_lanes(
    lanes: Lanes, policies: PopulationPolicy, weights: NDArray[np.float32], seeds: NDArray[np.uint64]
) -> Evaluated:
    """Evaluate a shard, with the weights of each lane's individual in the slot of the same index.

    Returns are float64 sums of the rewards, first to last.
    """
    count, episodes = policies.slots, len(weights) * len(seeds)
    returns, lengths = np.zeros(episodes), np.zeros(episodes, np.int64)
    policies.load(weights)
    playing = np.arange(count)  # which episode each lane plays; from `episodes` on: none
    live = np.arange(min(count, episodes))
    policies.assign(live, playing[live] // len(seeds))
    left, next_episode = episodes, count
    resetting = np.zeros(count, np.bool_)
    totals, steps = np.zeros(count), np.zeros(count, np.int64)
    observations = lanes.reset()
    while left:
        observations, rewards, ended = lanes.step(policies.actions(observations), live)
        totals += np.where(resetting, 0.0, rewards)
        steps += ~resetting
        resetting = ended & ~resetting
        done = live[resetting[live]]
        if not len(done):
            continue
        returns[playing[done]], lengths[playing[done]] = totals[done], steps[done]
        left -= len(done)
        totals[done], steps[done] = 0.0, 0
        playing[done] = np.arange(next_episode, next_episode + len(done))
        next_episode += len(done)
        live = live[playing[live] < episodes]
        given = done[playing[done] < episodes]
        policies.assign(given, playing[given] // len(seeds))
    shape = len(weights), len(seeds)
    return Evaluated(returns.reshape(shape), lengths.reshape(shape))


def lane_count(size: Size, most: int) -> int:
    """How many lanes a shard of a size is worth: the power of two that holds its episodes, `most` at most.

    Powers of two, so that few sizes of pools (and of compiled programs) are ever made.
    """
    individuals, episodes = size
    return min(most, 1 << (individuals * episodes - 1).bit_length())
