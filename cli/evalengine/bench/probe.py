"""The process that `fresh.py` starts: one backend opened, one call made, one line of JSON about it on stdout.

    python -m evalengine.bench.probe '{"measure": "startup", ...}'

Imports no more than the backend needs, because for `startup` the imports are what is measured.
"""

from __future__ import annotations

import json
import sys
import time

from evalengine.bench.backends import Backend, Evaluated, SizedBackend, Task, open_backend
from evalengine.bench.resident import Resident
from evalengine.bench.timing import fitness_checksum
from evalengine.bench.workloads import Workload


def main() -> None:
    """Make the call that the first argument describes."""
    asked = json.loads(sys.argv[1])
    workload = Workload(**asked["workload"])
    task = Task(workload.env_id, workload.policy, asked["threads"])
    with open_backend(asked["backend"], task) as backend:
        answer = _large_call(backend, workload) if asked["measure"] == "memory" else _first_call(backend, workload)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()  # The parent stops its clock here, before anything is torn down.


def _first_call(backend: Backend, workload: Workload) -> dict[str, object]:
    return _described(backend.evaluate(workload.weights(), workload.seeds()))


def _large_call(backend: Backend, workload: Workload) -> dict[str, object]:
    """Memory that the weights take is the caller's own; what imports and a first small call take is there before."""
    weights, seeds = workload.weights(), workload.seeds()
    backend.evaluate(weights[:1], seeds)
    if isinstance(backend, SizedBackend):
        backend.prepare_for(len(weights), len(seeds))
    resident = Resident.of_this_process_and_its_children()
    start = time.perf_counter()
    evaluated = backend.evaluate(weights, seeds)
    seconds = time.perf_counter() - start
    peak = resident.peak_bytes()
    return _described(evaluated) | {
        "seconds": seconds,
        "peak_rss_bytes": peak,
        "rss_growth_bytes": max(0, peak - resident.bytes_before),
    }


def _described(evaluated: Evaluated) -> dict[str, object]:
    return {"steps": evaluated.steps, "fitness_checksum": fitness_checksum(evaluated)}


if __name__ == "__main__":
    main()
