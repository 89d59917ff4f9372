"""Memory stays what it was: populations larger than it, a hundred thousand resets, ten thousand calls.

Every measurement is of a fresh process, in bytes and never in seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalengine import Policy, load_weights
from evalengine.environments.registry import entries
from evalengine.terminal import app
from evalengine.terminal.evaluate import run as command

MLP = Policy("mlp:4-512-2")
LARGE = 25_000  # individuals of 14 kB each

needs_linux = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc/self/statm here")


def answer_of(code: str, *arguments: object) -> Any:
    """Run `code` in a fresh Python, which prints JSON."""
    command = [sys.executable, "-c", code, *(str(argument) for argument in arguments)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


# Which arenas the threads' allocations fall into is chance, so the largest values of the two halves are compared: what
# goes up and down does not count, and a leak shows as what half of the work leaks.
GROWTH = """
import json, resource, sys
import evalengine

env_id, spelling, population, episodes, calls, steps = sys.argv[1:]
policy = evalengine.Policy(spelling)
weights = policy.init(int(population), seed=0)

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def work(first_seed):
    return evalengine.evaluate(
        env_id, weights, policy, episodes=int(episodes), seeds=first_seed, threads=2, max_episode_steps=int(steps)
    ).returns.size

resets, sizes = 0, []
for call in range(int(calls)):
    resets += work(call)
    sizes.append(resident())
half = len(sizes) // 2
print(json.dumps([resets, max(sizes[half:]) - max(sizes[:half])]))
"""

# What the allocator's own ups and downs come to. 50,000 leaks of a cache line would be 3 MiB, and so would be 5,000 of
# 640 bytes: a car's track alone is 20 times as long.
MOST_GROWTH = 3 << 20


@needs_linux
@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.short_name)
def test_a_hundred_thousand_resets_leave_nothing(entry: Any) -> None:
    resets = 10_000 if entry.short_name == "carracing" else 100_000
    # The smallest policy: environments are the question. A reset and one step, because a long episode resets once.
    layer = f"{entry.n_inputs}-{entry.n_outputs}"
    found, growth = answer_of(GROWTH, entry.id, f"mlp:{layer}", 10, 100, resets // 1000, 1)
    assert found == resets
    assert growth < MOST_GROWTH


@needs_linux
def test_ten_thousand_calls_leave_nothing() -> None:
    found, growth = answer_of(GROWTH, "CartPole-v1", "mlp:4-64-2", 1, 1, 10_000, 500)
    assert found == 10_000
    assert growth < MOST_GROWTH


def sparse_population(path: Path, individuals: int) -> Path:
    """A .npy file of zeros that takes no disk; with a sidecar."""
    MLP.save(path, MLP.init(1, seed=0), "cartpole")
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "<f4", "fortran_order": False, "shape": (individuals, MLP.n_params)}
        )
        stream.truncate(stream.tell() + 4 * individuals * MLP.n_params)
    return path


# A copy of the population does not fit below the limit, which counts private memory and so no mapped file.
LIMITED = """
import json, resource, sys
import numpy as np
import evalengine
from evalengine.terminal import app
from evalengine import streams
import pandas, rich.table

path, how, out = sys.argv[1:]
def private():
    fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return 1024 * (int(fields["VmData"].split()[0]))
evalengine.evaluate("cartpole", np.zeros((64, 3586), np.float32), "mlp:4-512-2", threads=2)
most = private() + (100 << 20)
resource.setrlimit(resource.RLIMIT_DATA, (most, most))
if how == "library":
    weights = np.load(path, mmap_mode="r")
    print(json.dumps(len(evalengine.evaluate("cartpole", weights, "mlp:4-512-2", threads=2).fitness)))
elif how == "copy":
    print(json.dumps(len(np.load(path))))
else:
    streams.write_result = lambda text: None
    print(json.dumps(app.main(["evaluate", path, "--episodes", "1", "--out", out, "--threads", "2"])))
"""


@needs_linux
def test_a_population_larger_than_the_memory(tmp_path: Path) -> None:
    path = sparse_population(tmp_path / "large.npy", LARGE)
    size = path.stat().st_size
    assert size > 3 * (100 << 20) > command._MAPPED_BYTES
    with pytest.raises(AssertionError, match="MemoryError"):
        answer_of(LIMITED, path, "copy", "")  # the limit has teeth
    assert answer_of(LIMITED, path, "library", "") == LARGE
    assert answer_of(LIMITED, path, "command", tmp_path / "out.csv") == app.OK
    assert (tmp_path / "out.csv").read_bytes().count(b"\n") == 1 + LARGE


def test_a_map_has_the_numbers_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "w.npy"
    weights = MLP.init(5, seed=1)
    MLP.save(path, weights, "cartpole")
    mapped = load_weights(path, memory_map=True)
    assert mapped.weights.tobytes() == weights.tobytes()
    assert (mapped.policy, mapped.env_id) == (MLP, "CartPole-v1")
    assert not mapped.weights.flags.writeable and not mapped.weights.flags.owndata
    for other in (weights.astype(np.float64), np.asfortranarray(weights), weights[:0]):
        np.save(path, other)
        read = load_weights(path, memory_map=True).weights
        assert read.dtype == np.float32
        assert read.tobytes() == other.astype(np.float32).tobytes()
        assert read.flags.c_contiguous
