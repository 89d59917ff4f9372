"""The PyTorch process: what it is given, what it returns, and how it ends."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine.errors import EvalEngineError, MissingDependencyError
from evalengine.evaluation.provenance import package_version
from evalengine.parity import torch_policy as torch_policy_module
from evalengine.parity import torch_worker
from evalengine.parity.probe import TOLD, probe
from evalengine.parity.torch_policy import OTHER_SETTINGS, RECIPE, TorchPolicy, padded_rows
from evalengine.policies.policy import Policy

POLICIES = [
    "mlp:5-20-3,act=relu",
    "cnn:2x6x5-4k3p1-3,bias=0",
    "cnn:3x5x5-6k1-8k2s2-7",
    "cnn:3x4x4-7k2s2p2-3",
    "mlp:4-8-2",
]


def example(policy: Policy, rows: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights and observations."""
    observations = np.random.default_rng(1).standard_normal((rows, policy.n_inputs), np.float32)
    return policy.init(1, seed=0)[0], observations


def same_bits(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    return first.shape == second.shape and first.tobytes() == second.tobytes()


# --- what it computes


@pytest.mark.parametrize(
    ("spelling", "rows", "padded"),
    [
        ("mlp:3-2", 1, 4),
        ("mlp:3-2", 4, 4),
        ("mlp:3-2", 5, 8),
        ("cnn:1x3x3-2k1-2", 5, 16),
        ("cnn:1x3x3-2k1-2", 17, 20),
        ("cnn:1x3x3-2k1s2-2", 5, 16),
        ("cnn:1x3x3-2k1p1-2", 5, 16),
    ],
)
def test_batches_are_filled_up_with_copies_of_the_last_row(spelling: str, rows: int, padded: int) -> None:
    policy = Policy(spelling)
    observations = example(policy, rows)[1]
    found = padded_rows(observations, policy.layers)
    assert found.shape == (padded, policy.n_inputs)
    assert same_bits(found[:rows], observations)
    assert all(same_bits(row, observations[-1]) for row in found[rows:])


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("spelling", POLICIES)
def test_logits_do_not_depend_on_the_batch(torch_policy: TorchPolicy, spelling: str) -> None:
    policy = Policy(spelling)
    weights, observations = example(policy, 17)
    together = torch_policy.logits(policy, weights, observations)
    assert together.shape == (17, policy.n_outputs)
    assert together.dtype == np.float32
    for batch in (1, 3, 4):
        pieces = [observations[start : start + batch] for start in range(0, 17, batch)]
        apart = np.concatenate([torch_policy.logits(policy, weights, piece) for piece in pieces])
        assert same_bits(apart, together)


@pytest.mark.usefixtures("known_order")
def test_large_batches_go_in_pieces(torch_policy: TorchPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy("cnn:2x6x5-4k3p1-3")
    weights, observations = example(policy, 70)
    whole = torch_policy.logits(policy, weights, observations)
    monkeypatch.setattr(torch_policy_module, "_MOST_VALUES", 1000)
    assert same_bits(torch_policy.logits(policy, weights, observations), whole)


def test_a_population_has_logits_one_by_one(torch_policy: TorchPolicy) -> None:
    policy = Policy("mlp:4-8-2")
    weights = policy.init(3, seed=0)
    observations = np.random.default_rng(1).standard_normal((3, 6, 4), np.float32)
    logits = torch_policy.logits(policy, weights, observations)
    assert logits.shape == (3, 6, 2)
    for individual in range(3):
        assert same_bits(logits[individual], torch_policy.logits(policy, weights[individual], observations[individual]))
    assert torch_policy.logits(policy, weights[:0], observations[:0]).shape == (0, 6, 2)
    assert torch_policy.logits(policy, weights[0], observations[0, :0]).shape == (0, 2)


def test_outputs_of_layers_in_between_and_in_float64(torch_policy: TorchPolicy) -> None:
    policy = Policy("mlp:4-8-2")
    weights, observations = example(policy, 6)
    hidden, activated, logits = torch_policy.outputs((4,), policy.layers, weights, observations, keep=(0, 1, 2))
    assert same_bits(logits, torch_policy.logits(policy, weights, observations))
    matrix, offset = weights[:32].reshape(8, 4).astype(np.float64), weights[32:40].astype(np.float64)
    (exact,) = torch_policy.outputs((4,), policy.layers, weights, observations, keep=(0,), dtype="float64")
    assert exact.dtype == np.float64
    np.testing.assert_allclose(exact, observations @ matrix.T + offset, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(hidden, exact, rtol=0, atol=1e-6)
    np.testing.assert_allclose(activated, np.tanh(exact), rtol=0, atol=1e-6)


def test_it_is_what_the_modules_compute(torch_policy: TorchPolicy) -> None:
    """The process calls functions; users call modules."""
    code = (
        "import numpy as np, sys, torch\n"
        "from evalengine.parity.torch_worker import tell_mkl\n"
        "from evalengine.policies.policy import Policy\n"
        "tell_mkl()\n"
        "torch.set_num_threads(1)\n"
        f"for spelling in {POLICIES!r}:\n"
        "    policy = Policy(spelling)\n"
        "    observations = np.random.default_rng(1).standard_normal((16, policy.n_inputs), np.float32)\n"
        "    module = policy.to_torch(policy.init(1, seed=0)[0])\n"
        "    with torch.no_grad():\n"
        "        logits = module(torch.from_numpy(observations).view(16, *policy.input_shape))\n"
        "    sys.stdout.buffer.write(logits.numpy().tobytes())\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=os.environ | RECIPE)
    expected = b"".join(torch_policy.logits(policy, *example(policy, 16)).tobytes() for policy in map(Policy, POLICIES))
    assert finished.stdout == expected


def test_versions_are_those_of_the_process(torch_policy: TorchPolicy) -> None:
    # A local label, "+cpu", is not always in the metadata.
    assert torch_policy.versions["torch"].partition("+")[0] == package_version("torch").partition("+")[0]
    assert set(torch_policy.versions) <= {"torch", "mkl", "onednn"}


def test_on_intels_processors_mkl_takes_its_kernels_for_others(torch_policy: TorchPolicy) -> None:
    assert torch_policy.told == ("GenuineIntel" in Path("/proc/cpuinfo").read_text())
    section, _ = probe(torch_policy).sections()
    assert (TOLD in section.notes) == torch_policy.told


# --- what goes wrong


def test_errors_are_messages_and_the_process_goes_on(torch_policy: TorchPolicy) -> None:
    policy = Policy("mlp:4-2")
    weights, observations = example(policy, 4)
    with pytest.raises(EvalEngineError, match="PyTorch process: RuntimeError: shape"):
        torch_policy.logits(policy, weights[:5], observations)
    with pytest.raises(EvalEngineError, match="PyTorch process: ValueError: 10 weights are left over"):
        torch_policy.logits(policy, np.concatenate([weights, weights]), observations)
    assert torch_policy.logits(policy, weights, observations).shape == (4, 2)


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError) as caught, TorchPolicy():
        pass
    assert str(caught.value) == "torch is not installed: pip install 'evalengine[torch]'"


def test_outside_its_block_it_is_refused() -> None:
    policy = Policy("mlp:4-2")
    with pytest.raises(EvalEngineError, match="PyTorch process: expected to be used inside its `with` block"):
        TorchPolicy().logits(policy, *example(policy, 4))


def test_the_program_ends_with_its_input() -> None:
    code = (
        "import sys, types\n"
        "torch = sys.modules['torch'] = types.ModuleType('torch')\n"
        "torch.set_num_threads = lambda count: print('noise')\n"
        "torch.__version__, torch.__file__ = '0.0', '/nowhere/torch/__init__.py'\n"
        "torch.zeros = lambda count: types.SimpleNamespace(numpy=lambda: None)\n"
        "torch.__config__ = types.SimpleNamespace(show=lambda: 'Math Kernel Library Version 2024.2-Product')\n"
        "from evalengine.parity import torch_worker\n"
        "torch_worker.main()\n"
    )
    command = [sys.executable, "-c", code]
    finished = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    message = torch_worker.read_message(io.BytesIO(finished.stdout))
    # A build that does not have MKL's functions is left as it is.
    assert message == ({"versions": {"torch": "0.0", "mkl": "2024.2"}, "told": False, "sizes": []}, [])
    assert finished.stderr == b"noise\n"


# --- how it ends; the other side is played by programs that need no PyTorch

SEND = """
import json, os, struct, sys, time
def send(header):
    encoded = json.dumps(header | {"sizes": []}).encode()
    sys.stdout.buffer.write(struct.pack("<I", len(encoded)) + encoded)
    sys.stdout.flush()
"""


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TorchPolicy]:
    """A TorchPolicy whose program is `tmp_path / "program.py"`."""
    monkeypatch.setattr(torch_policy_module, "_WORKER", tmp_path / "program.py")
    yield TorchPolicy()


def test_a_pytorch_that_cannot_use_numpy_says_what_to_install(play: TorchPolicy, tmp_path: Path) -> None:
    """PyTorch 2.2 beside NumPy 2: it is imported, and every array that it is asked for is a RuntimeError."""
    torch = (
        "import types\n"
        "torch = sys.modules['torch'] = types.ModuleType('torch')\n"
        "torch.set_num_threads, torch.__version__, torch.__file__ = int, '2.2.2+cpu', ''\n"
        "torch.__config__ = types.SimpleNamespace(show=str)\n"
        "def unavailable(): raise RuntimeError('Numpy is not available')\n"
        "torch.zeros = lambda count: types.SimpleNamespace(numpy=unavailable)\n"
    )
    program(tmp_path, torch + f"import runpy; runpy.run_path({torch_worker.__file__!r}, run_name='__main__')\n")
    message = (
        "torch 2.2.2+cpu cannot use the NumPy that is installed (Numpy is not available): "
        "pip install 'numpy<2' or a newer torch"
    )
    with pytest.raises(MissingDependencyError, match=f"^{re.escape(message)}$"), play:
        pass
    assert play._process is None


def program(tmp_path: Path, code: str) -> None:
    (tmp_path / "program.py").write_text(SEND + code, encoding="utf-8")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('no such luck', file=sys.stderr); sys.exit(3)", "ended with status 3: no such luck"),
        ("sys.exit(0)", "ended with status 0"),
        ("print('Welcome to the site'); sys.stdout.flush(); sys.stdin.read()", "expected a message, got b'Welc'"),
        ("sys.stdout.write('ab'); sys.exit(1)", "expected a message, got b'ab'"),
        ("sys.stdout.write('abc\\0'); sys.exit(1)", "expected a message, got b'abc\\x00'"),
        ("sys.stdout.write('\\x09\\0\\0\\0{'); sys.stdout.flush(); os._exit(1)", "ended with status 1"),
        ("sys.stdout.write('\\x02\\0\\0\\0{{'); sys.stdout.flush(); sys.stdin.read()", "expected a message, got b'{{'"),
        ("send({'error': 'import torch: libtorch.so is missing'})", "import torch: libtorch.so is missing"),
    ],
)
def test_a_process_that_does_not_come_up_is_an_error(
    play: TorchPolicy, tmp_path: Path, code: str, message: str
) -> None:
    program(tmp_path, code)
    with pytest.raises(EvalEngineError) as caught, play:
        pass
    assert str(caught.value).startswith("PyTorch process: ")
    assert message in str(caught.value)


def test_a_process_that_dies_is_an_error(play: TorchPolicy, tmp_path: Path) -> None:
    program(tmp_path, "send({'versions': {}})\nsys.stdin.buffer.read(4)\nos._exit(7)")
    policy = Policy("mlp:100-100-2")
    weights, observations = example(policy, 1000)
    with play:
        with pytest.raises(EvalEngineError, match="PyTorch process: ended with status 7"):
            play.logits(policy, weights, observations)
        with pytest.raises(EvalEngineError, match="inside its `with` block"):
            play.logits(policy, weights, observations)


def test_settings_are_made_and_others_left_out(
    play: TorchPolicy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "send({'versions': dict(os.environ)})\nsys.stdin.read()")
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    for name in OTHER_SETTINGS:
        monkeypatch.setenv(name, "anything")
    with play:
        assert RECIPE.items() <= play.versions.items()
        assert not set(OTHER_SETTINGS) & set(play.versions)


def test_the_process_ends_with_the_block(play: TorchPolicy, tmp_path: Path) -> None:
    program(tmp_path, "send({'versions': {'pid': os.getpid()}})\ntime.sleep(600)")
    with play:
        pid = int(play.versions["pid"])
        assert is_alive(pid)
    assert not is_alive(pid)


def test_ctrl_c_ends_the_process(play: TorchPolicy, tmp_path: Path) -> None:
    """It interrupts us while we wait for an answer; the process is not even in the group that the terminal signals."""
    program(tmp_path, "send({'versions': {'pid': os.getpid(), 'session': os.getsid(0)}})\ntime.sleep(600)")
    policy = Policy("mlp:4-2")
    with play:
        pid = int(play.versions["pid"])
        assert int(play.versions["session"]) == pid
        interrupt = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            play.logits(policy, *example(policy, 4))
        interrupt.join()
        assert not is_alive(pid)
        # What it might have answered is not taken for the answer to another request.
        with pytest.raises(EvalEngineError, match="inside its `with` block"):
            play.logits(policy, *example(policy, 4))
