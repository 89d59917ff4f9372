"""The process that `fresh.py` starts: one backend opened, a call or many made, one line of JSON about it on stdout.

    python -m evalengine.bench.probe '{"measure": "startup", ...}'

Imports no more than the backend needs, because for `startup` the imports are what is measured.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from evalengine.bench.backends import Backend, Evaluated, SizedBackend, Task, open_backend
from evalengine.bench.resident import Resident, resident_bytes
from evalengine.bench.timing import fitness_checksum
from evalengine.lifetimes import end_with_stdin
from evalengine.workloads.catalogue import Workload


def main() -> None:
    """Make the call that the first argument describes, and end where the process that asked for it does."""
    end_with_stdin()
    asked = json.loads(sys.argv[1])
    workload = Workload(**asked["workload"])
    with open_backend(asked["backend"], Task(**asked["task"])) as backend:
        match asked["measure"]:
            case "memory":
                answer = _large_call(backend, workload)
            case "resident":
                answer = _many_calls(backend, workload, asked["calls"])
            case _:
                answer = _first_call(backend, workload)
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


def _many_calls(backend: Backend, workload: Workload, calls: int) -> dict[str, object]:
    """How much larger the memory was at its largest in the second half of the calls than in the first.

    Which of the allocator's arenas a thread's allocations fall into is chance, so what goes up and down must not count;
    a leak shows as what half of the calls leak.
    """
    weights, seeds = workload.weights(), workload.seeds()
    sizes, steps = [], 0
    start = time.perf_counter()
    for call in range(calls):
        evaluated = backend.evaluate(weights, seeds + np.uint64(call * len(seeds)))
        steps += evaluated.steps
        sizes.append(resident_bytes())
    seconds = time.perf_counter() - start
    half = max(1, calls // 2)
    return _described(evaluated) | {
        "calls": calls,
        "steps": steps,
        "seconds": seconds,
        "peak_rss_bytes": max(sizes),
        "rss_growth_bytes": max(0, max(sizes[half:], default=0) - max(sizes[:half])),
    }


def _described(evaluated: Evaluated) -> dict[str, object]:
    return {"steps": evaluated.steps, "fitness_checksum": fitness_checksum(evaluated)}


if __name__ == "__main__":
    main()
