"""CarRacing beyond what all environments are tested for: tracks, fresh worlds, colours, pictures of differences."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine import Policy, evaluate, make
from evalengine.environments.registry import describe, resolve
from evalengine.errors import InputError, OutputError
from evalengine.parity import golden, open_loop
from evalengine.parity.compare import compare_traces
from evalengine.parity.drivers import player
from evalengine.parity.open_loop import native_replay
from evalengine.parity.pictures import ENLARGED, are_pictures, differing_pixels, read_png, side_by_side, write_png
from evalengine.parity.trace import Trace, record, rows_within
from evalengine.policies.inputs import policy_inputs
from evalengine.references import Reference, Variant, reference
from evalengine.terminal.parity.run import ParityConfig, run

GOLDEN = Path(__file__).parents[2] / "parity" / "golden"
DRIVE = np.array([0.1, 0.8, 0.0], np.float32)


def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the reference draw nothing, which is nearly all of its time."""
    from gymnasium.envs.box2d.car_racing import CarRacing

    blank = np.zeros((96, 96, 3), np.uint8)
    monkeypatch.setattr(CarRacing, "_render", lambda env, mode: blank)


def traces(steps: int, driver: str = "follow") -> tuple[Trace, Trace, Reference]:
    """Ours, the reference's, and the reference."""
    found = reference("carracing")
    players = {driver: player(driver, resolve("carracing"), found.drivers)}
    theirs, _ = record(found, Variant(), players, seed=11, steps=steps)
    return native_replay(found, Variant(), theirs), theirs, found


def test_tracks_have_every_bit_of_gymnasiums(monkeypatch: pytest.MonkeyPatch) -> None:
    without_pictures(monkeypatch)
    theirs, ours = gymnasium.make("CarRacing-v3", disable_env_checker=True), make("CarRacing-v3")
    for seed in range(100):
        # Every other one goes on with the stream, which failed attempts have taken different lengths of.
        theirs.reset(seed=seed if seed % 2 == 0 else None)
        ours.reset(seed=seed if seed % 2 == 0 else None)
        core: Any = theirs.unwrapped
        track = np.array(core.track, np.float64).ravel()
        assert ours.state()["track"].tobytes() == track.tobytes(), seed


def test_a_new_world_in_an_environment_is_a_fresh_environment() -> None:
    found = reference("carracing")
    reused = found.make(disable_env_checker=True)
    for seed in (3, 4):
        fresh = gymnasium.make("CarRacing-v3", disable_env_checker=True)
        assert np.array_equal(reused.reset(seed=seed)[0], fresh.reset(seed=seed)[0])
        for _ in range(60):
            one, other = reused.step(DRIVE), fresh.step(DRIVE)
            assert one[0].tobytes() == other[0].tobytes() and one[1:] == other[1:]


@pytest.mark.parametrize("driver", ["follow", "spin"])
def test_without_a_new_world_nothing_differs_but_ids(monkeypatch: pytest.MonkeyPatch, driver: str) -> None:
    """The reference keeps its world from reset to reset; what it plays there is what ours plays in a new one."""
    without_pictures(monkeypatch)
    found = replace(reference("carracing"), maker=None)
    players = {driver: player(driver, resolve("carracing"), found.drivers)}
    limited = Variant(max_episode_steps=150)
    theirs, _ = record(found, limited, players, seed=20, steps=1500)
    ours = native_replay(found, limited, theirs)
    blind = replace(ours, observation=theirs.observation)
    assert compare_traces(blind, theirs).mismatches == 0


def test_colours_that_are_not_drawn_are_the_standard_ones_and_take_no_numbers() -> None:
    options = {"randomize": False}
    plain, ours = make("carracing"), make("carracing", domain_randomize=True)
    seen = [env.reset(seed=8, options=given)[0] for env, given in ((plain, None), (ours, options))]
    assert np.array_equal(seen[0], seen[1])
    # An option for random colours is ignored where there are none, as in the reference.
    assert np.array_equal(plain.reset(seed=8, options=options)[0], seen[0])
    assert not np.array_equal(ours.reset(seed=8, options={"randomize": True})[0], seen[0])


def test_observations_are_bytes_and_actions_are_checked() -> None:
    env = make("CarRacing-v3")
    observation, _ = env.reset(seed=0)
    assert observation.dtype == np.uint8 and observation.shape == (96, 96, 3)
    assert env.step([0.0, 0.0, 0.0])[0].dtype == np.uint8
    with pytest.raises(InputError, match=r"expected shape \(3,\) for CarRacing-v3, got \(2,\)"):
        env.step([0.0, 1.0])
    with pytest.raises(InputError, match="lap_complete_percent: expected a number, got a bool"):
        make("CarRacing-v3", lap_complete_percent=True)
    assert describe("carracing", {"continuous": False}).n_actions == 5
    assert Policy(describe("carracing", {"continuous": False}).default_policy).n_outputs == 5


def test_policies_see_bytes_divided_by_255() -> None:
    env, policy = make("carracing"), Policy("mlp:27648-3,head=clip")
    weights = policy.init(1, 0)
    observation, _ = env.reset(seed=5)
    total = 0.0
    for _ in range(20):
        inputs = policy_inputs(policy, observation[np.newaxis])
        assert inputs.dtype == np.float32 and inputs.max() <= 1.0
        assert inputs.ravel().tobytes() == (observation.astype(np.float32) / np.float32(255.0)).tobytes()
        logits = policy.logits(weights[0], inputs)[0]
        observation, reward, *_ = env.step(np.clip(logits, np.array([-1, 0, 0], np.float32), 1))
        total += reward
    returns = evaluate("carracing", weights, policy, seeds=[5], max_episode_steps=20).returns
    assert returns.tolist() == [[total]]


# --- pictures


def test_a_first_difference_of_pixels_is_counted_by_region_and_shown() -> None:
    ours, theirs, found = traces(steps=6)
    spoilt = ours.observation.copy()
    spoilt[4, 10:12, 20:25] ^= 1
    spoilt[4, 90, 5, 2] ^= 128
    spoilt[5] = 0
    comparison = compare_traces(replace(ours, observation=spoilt), theirs, regions=found.regions)
    assert comparison.mismatches == 2 and comparison.first_divergence is not None
    assert comparison.first_divergence.step == 4
    expected = "Differing pixels: 11 of 9,216 (road 10 of 8,064, score 1 of 144, indicators 0 of 1,008)"
    assert comparison.first_divergence.comparison.endswith(expected)
    assert comparison.picture is not None
    left, middle, right = (comparison.picture[:, x : x + 96 * ENLARGED : ENLARGED] for x in (0, 392, 784))
    assert np.array_equal(left[::ENLARGED], theirs.observation[4]) and np.array_equal(middle[::ENLARGED], spoilt[4])
    assert np.count_nonzero(right[::ENLARGED]) == 31 and right.max() == 128
    assert compare_traces(ours, theirs, regions=found.regions).picture is None


def test_the_picture_lies_beside_the_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = open_loop.native_replay

    def spoiling(*arguments: Any) -> Trace:
        trace = real(*arguments)
        return replace(trace, observation=trace.observation ^ np.uint8(1))

    monkeypatch.setattr(open_loop, "native_replay", spoiling)
    run(ParityConfig("carracing", steps=3, driver="idle", out=tmp_path / "difference.csv"))
    pictures = sorted(path.name for path in tmp_path.glob("*.png"))
    assert pictures == [
        "difference-carracing-open-loop-idle.png",
        "difference-carracing-open-loop-variants.png",
    ]
    assert read_png(tmp_path / pictures[0]).shape == (384, 3 * 384 + 16, 3)


def test_only_rgb_images_of_one_size_are_pictures() -> None:
    image = np.zeros((4, 5, 3), np.uint8)
    assert are_pictures(image, image)
    others: list[NDArray[Any]] = [image[:3], image.astype(np.float32), image[:, :, :2], image[0]]
    for other in others:
        assert not are_pictures(image, other) and not are_pictures(other, image)
    assert differing_pixels(image, image + np.uint8(1), {}) == "Differing pixels: 20 of 20"
    assert side_by_side(image, image).shape == (16, 76, 3)


def test_png_files_come_back(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (7, 5, 3)).astype(np.uint8)
    write_png(image, tmp_path / "image.png")
    assert np.array_equal(read_png(tmp_path / "image.png"), image)
    pygame = pytest.importorskip("pygame")
    loaded = pygame.surfarray.array3d(pygame.image.load(str(tmp_path / "image.png")))
    assert np.array_equal(loaded.transpose(1, 0, 2), image)
    with pytest.raises(OutputError):
        write_png(image, tmp_path / "missing" / "image.png")


@pytest.mark.parametrize("form", [(8, 6, 0, 0, 0), (16, 2, 0, 0, 0)])
def test_other_png_files_are_refused(tmp_path: Path, form: tuple[int, ...]) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="expected a PNG file"):
        read_png(path)
    write_png(np.zeros((2, 2, 3), np.uint8), path)
    header = struct.pack(">II", 2, 2)
    path.write_bytes(path.read_bytes().replace(header + bytes((8, 2, 0, 0, 0)), header + bytes(form)))
    with pytest.raises(ValueError, match="expected 2 x 2 pixels of RGB"):
        read_png(path)
    write_png(np.zeros((2, 2, 3), np.uint8), path)
    filtered = zlib.compress(b"\x01" + bytes(6) + b"\x00" + bytes(6), 9)
    content = path.read_bytes()
    start = content.index(b"IDAT") - 4
    path.write_bytes(content[:start] + struct.pack(">I", len(filtered)) + b"IDAT" + filtered + bytes(4))
    with pytest.raises(ValueError, match="rows without filters"):
        read_png(path)


def test_the_golden_frames_are_those_whose_hashes_are_recorded() -> None:
    recorded = golden.load(GOLDEN / "carracing.npz")
    frames = recorded.header["frames"]
    assert len(frames) >= 3
    for frame in frames:
        image = read_png(GOLDEN / frame["file"])
        assert image.shape == (96, 96, 3) and len(np.unique(image.reshape(-1, 3), axis=0)) > 50
        expected = recorded.arrays[f"{frame['run']}.observation"][frame["row"]]
        assert golden.image_hashes(image[np.newaxis]).tolist() == [expected]
    assert len({(int(seed), run) for run, seeds in _seeds(recorded).items() for seed in seeds}) >= 20


def _seeds(recorded: golden.Golden) -> dict[int, NDArray[np.uint64]]:
    return {run: np.unique(recorded.arrays[f"{run}.seed"]) for run in range(len(recorded.header["runs"]))}


def test_images_are_held_in_smaller_pieces() -> None:
    assert rows_within(2**26, resolve("carracing")) == 2427
    assert rows_within(2**26, resolve("cartpole")) == 2**22
    assert rows_within(1, resolve("carracing")) == 1
