"""Whatever floating-point mode the calling thread is in, results are those of the standard one, and the mode stays."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

# Logits of a millionth of the least normal float32, which a thread that flushes denormal numbers takes for zeros.
SCRIPT = """
import sys
import numpy as np
import torch
import evalengine
from evalengine import _engine

policy = evalengine.Policy("mlp:4-2,act=relu,bias=0")
weights = (policy.init(32, seed=0) * np.float32(1e-38)).astype(np.float32)
weights.view(np.uint32)[...] &= 0x800FFFFF  # no normal number is left
# Before the engine computes anything: threads inherit the mode of the one that starts them.
assert not FLUSH or torch.set_flush_denormal(True), "this processor has no such mode"
found = [evalengine.evaluate("CartPole-v1", weights, policy, episodes=4, seeds=0, threads=n).returns for n in (1, 2, 3)]
env = evalengine.make("Pendulum-v1")
shown = [env.reset(seed=3)[0], *(env.step(np.array([1e-39], np.float32))[0] for _ in range(5))]
pendulum = evalengine.make("Pendulum-v1")
pendulum.reset(seed=3, options={"x_init": 1e-310, "y_init": 1e-310})
shown += [np.asarray(value, np.float64) for value in pendulum.state().values()][:1]
rows = np.full((2, 3, 4), 0x000AE398, np.uint32).view(np.float32)  # 1e-39, which NumPy would flush, too
shown.append(policy.logits(policy.init(2, seed=0), rows))
shown.append(_engine.continuous_actions("tanh", np.full((2, 1), -1, np.float32), [0.0], [2e-38]))
still = bool((torch.tensor([1e-39]) * 1.0 == 0.0).item())
assert still == FLUSH, "the caller's mode has changed"
for array in (*found, *shown):
    sys.stdout.buffer.write(array.tobytes())
"""


def output(flush: bool) -> bytes:
    """What the script finds in a fresh process."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("FLUSH", str(flush))], check=True, capture_output=True
    ).stdout


def test_a_caller_that_flushes_denormal_numbers_gets_the_same_bits() -> None:
    pytest.importorskip("torch")
    expected = output(flush=False)
    # Returns, observations; a state, logits and actions, which are denormal themselves.
    assert len(expected) == 3 * 32 * 4 * 8 + 6 * 3 * 4 + 8 + 2 * 3 * 2 * 4 + 2 * 4
    assert np.frombuffer(expected[-64:-56]).all() and np.frombuffer(expected[-56:], np.float32).all()
    assert output(flush=True) == expected
