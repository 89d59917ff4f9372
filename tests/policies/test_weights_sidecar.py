"""The description beside a weights file is opened as carefully as the weights: nothing hangs, nothing is endless."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from evalengine import Policy
from evalengine.errors import InputError, OutputError
from evalengine.policies.loading import load_weights

POLICY = Policy("mlp:4-2")
POPULATION = POLICY.init(2, seed=0)
NO_FILE = "expected a regular file, got a folder or a device"
MOST = 1 << 23


@pytest.fixture(params=["npy", "npz"])
def weights(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights without a sidecar, in the current folder: the name of a socket must be short."""
    monkeypatch.chdir(tmp_path)
    path = Path(f"best.{request.param}")
    POLICY.save(path, POPULATION, "cartpole")
    Path(f"{path}.json").unlink()
    return path


def refusal(weights: Path) -> str:
    with pytest.raises(InputError) as refused:
        load_weights(weights)
    message = str(refused.value)
    assert message.startswith(f"weights: {weights}.json: ")
    return message.removeprefix(f"weights: {weights}.json: ")


def test_a_pipe_is_not_waited_for(weights: Path) -> None:
    os.mkfifo(f"{weights}.json")
    # Open here, so that the test fails, instead of hanging, if the pipe is opened.
    descriptor = os.open(f"{weights}.json", os.O_RDWR)
    try:
        assert refusal(weights) == NO_FILE
        with pytest.raises(OutputError) as refused:
            POLICY.save(weights, POPULATION)
        assert str(refused.value) == f"output: expected a regular file, got {weights}.json"
    finally:
        os.close(descriptor)


def test_sockets_devices_and_folders_are_refused(weights: Path) -> None:
    sidecar = Path(f"{weights}.json")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(sidecar))
        assert refusal(weights) == NO_FILE
    sidecar.unlink()
    sidecar.symlink_to("/dev/zero")
    assert refusal(weights) == NO_FILE
    sidecar.unlink()
    sidecar.mkdir()
    assert refusal(weights) == NO_FILE


def test_a_link_to_nothing_says_nothing(weights: Path) -> None:
    Path(f"{weights}.json").symlink_to("nowhere")
    assert load_weights(weights).policy is None


def test_an_endless_link_is_refused(weights: Path) -> None:
    Path(f"{weights}.json").symlink_to(f"{weights}.json")
    assert refusal(weights).startswith("cannot be read: ")


def padded(length: int) -> str:
    """Return a description of so many bytes."""
    description = {"format": "evalengine-weights", "version": 1, "policy": str(POLICY), "note": ""}
    description["note"] = "x" * (length - len(json.dumps(description)))
    return json.dumps(description)


def test_a_description_has_an_end(weights: Path) -> None:
    Path(f"{weights}.json").write_text(padded(MOST))
    assert load_weights(weights).policy == POLICY
    Path(f"{weights}.json").write_text(padded(MOST + 1))
    assert refusal(weights) == f"expected at most {MOST} bytes, got {MOST + 1}"


def test_terabytes_are_not_read(weights: Path) -> None:
    with Path(f"{weights}.json").open("wb") as stream:
        stream.truncate(1 << 42)
    assert refusal(weights) == f"expected at most {MOST} bytes, got {1 << 42}"
