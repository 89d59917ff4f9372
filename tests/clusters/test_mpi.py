"""evaluate_on with MPI: the documentation's program on three ranks gives the bits of one machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from code_blocks import code_blocks

PAGE = Path(__file__).resolve().parents[2] / "docs" / "many-machines.md"

# Each rank works alone on its share; what rank 0 gets must be what it would have played itself.
CHECK = """
    import json
    recorded = {"trajectories": [0, 100, 255], "collect_statistics": True}
    same = evalengine.evaluate("CartPole-v1", population, policy, episodes=8, **recorded)
    with MPIPoolExecutor() as executor:
        workers = executor.num_workers
        pids = len(set(executor.map(pid, range(64), unordered=True)))
        full = evalengine.evaluate_on(executor, "CartPole-v1", population, policy, episodes=8, shares=5, **recorded)
    arrays = {
        "returns": (result.returns, same.returns),
        "sum": (full.statistics.sum, same.statistics.sum),
        "sum_of_squares": (full.statistics.sum_of_squares, same.statistics.sum_of_squares),
        "rewards": (full.trajectories[255][7].rewards, same.trajectories[255][7].rewards),
        "observations": (full.trajectories[100][0].observations, same.trajectories[100][0].observations),
    }
    bits = {name: [one.tobytes().hex(), other.tobytes().hex()] for name, (one, other) in arrays.items()}
    print(json.dumps([workers, pids, bits]))
"""
PID = """
def pid(number):
    import os, time
    time.sleep(0.01)
    return os.getpid()

"""


def mpiexec() -> str:
    """The launcher beside the interpreter or on the path; the test is skipped where MPI is missing."""
    pytest.importorskip("mpi4py")
    found = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
    if found is None:
        pytest.skip("no mpiexec here")
    return found


def test_the_documentations_program_on_three_ranks(tmp_path: Path) -> None:
    launcher = mpiexec()
    (program,) = [block.code for block in code_blocks(PAGE.read_text(encoding="utf-8")) if "MPIPool" in block.code]
    path = tmp_path / "evolve.py"
    path.write_text(program.replace("if __name__", PID + "if __name__") + CHECK)
    command = [launcher, "-n", "3", sys.executable, "-m", "mpi4py.futures", str(path)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert finished.returncode == 0, finished.stderr
    workers, pids, bits = json.loads(finished.stdout)
    assert (workers, pids) == (2, 2)
    for name, (found, expected) in bits.items():
        assert len(expected) >= np.dtype(np.float64).itemsize, name
        assert found == expected, name
