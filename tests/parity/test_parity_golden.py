"""Golden files: they hold without Gymnasium and PyTorch, notice one bit, and prove nothing under another libm."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalengine.environments.registry import entries
from evalengine.parity import golden
from evalengine.parity.golden import Golden, check, hashed_numbers, libm_fingerprint, load, save
from evalengine.parity.report import Verdict
from evalengine.references import Variant, versions

FOLDER = Path(__file__).parents[2] / "parity" / "golden"
NAMES = [*(entry.short_name for entry in entries()), "forward"]


def recorded(name: str) -> Golden:
    return load(FOLDER / f"{name}.npz")


@pytest.mark.parametrize("name", NAMES)
def test_the_golden_files_hold(name: str) -> None:
    section = check(recorded(name))
    if section.verdict is Verdict.UNPROVEN:
        pytest.skip(f"{name}: {section.unproven}")
    assert section.verdict is Verdict.HOLDS, section.first_divergence and section.first_divergence.message()
    assert section.steps >= (2000 if name != "forward" else 50)


def test_checking_needs_neither_gymnasium_nor_torch() -> None:
    program = (
        "import sys; from pathlib import Path; from evalengine.parity.golden import check, load\n"
        f"print([str(check(load(path)).verdict) for path in sorted(Path({str(FOLDER)!r}).glob('*.npz'))])\n"
        "print(sorted({'gymnasium', 'torch'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    verdicts, loaded = finished.stdout.splitlines()
    assert len(verdicts.split(",")) == len(NAMES) and "broken" not in verdicts
    assert loaded == "[]"


def test_the_files_are_small_and_say_what_made_them() -> None:
    assert max(path.stat().st_size for path in FOLDER.iterdir()) < 500_000
    assert {path.stem for path in FOLDER.glob("*.npz")} == set(NAMES)
    for name in NAMES:
        made_by = recorded(name).header["versions"]
        assert len(made_by) > 1 and versions.untabled(made_by) == ""
        (note,) = check(recorded(name)).notes
        assert note == f"recorded with {', '.join(f'{package} {version}' for package, version in made_by.items())}"


@pytest.mark.parametrize("name", [entry.short_name for entry in entries()])
def test_every_variant_with_every_driver_is_recorded(name: str) -> None:
    pytest.importorskip("gymnasium")
    from evalengine.references import reference

    found = reference(name)
    runs = recorded(name).header["runs"]
    variants = {str(Variant(run["kwargs"], run["options"], run["max_episode_steps"])) for run in runs}
    assert variants == {"", *(str(variant) for variant in found.variants)}
    assert {run["driver"] for run in runs} == {"random", "sticky", *found.drivers}
    assert set(recorded(name).header["libm"]) == set(found.libm)


def spoilt(name: str, field: str, row: int = 5, number: int = 0) -> Golden:
    """A golden file with the last number of one row of one array one ulp or one unit larger."""
    original = recorded(name)
    array = original.arrays[f"{number}.{field}"].copy()
    numbers = array[row : row + 1].reshape(-1)
    if numbers.dtype.kind == "f":
        numbers[-1] = np.nextafter(numbers[-1], np.asarray(1e9, numbers.dtype))
    else:
        numbers[-1] = ~numbers[-1]
    array[row : row + 1] = numbers.reshape(array[row : row + 1].shape)
    return replace(original, arrays={**original.arrays, f"{number}.{field}": array})


@pytest.mark.parametrize("name", [entry.short_name for entry in entries()])
@pytest.mark.parametrize("field", ["observation", "reward", "terminated", "truncated"])
def test_one_bit_of_one_step_of_a_trace_is_found(name: str, field: str) -> None:
    section = check(spoilt(name, field))
    assert section.mismatches == 1
    assert section.first_divergence is not None and section.first_divergence.field == field
    assert section.first_divergence.versions == recorded(name).header["versions"]


@pytest.mark.parametrize("field", ["logits", "actions"])
def test_one_bit_of_one_logit_or_action_is_found(field: str) -> None:
    original = recorded("forward")
    for number in (n for n in range(len(original.header["runs"])) if f"{n}.{field}" in original.arrays):
        section = check(spoilt("forward", field, number=number))
        assert (section.verdict, section.mismatches) == (Verdict.BROKEN, 1)
        assert section.first_divergence is not None and section.first_divergence.field == field
        assert section.first_divergence.case.endswith(", row 5")


def test_every_kind_of_action_is_recorded() -> None:
    original = recorded("forward")
    plays = [
        (run["env_id"], run["policy"], original.arrays[f"{number}.actions"])
        for number, run in enumerate(original.header["runs"])
        if run["env_id"] is not None
    ]
    assert {env_id for env_id, _, _ in plays} == {entry.id for entry in entries()}
    scaled = {env_id for env_id, policy, actions in plays if actions.dtype == np.float32 and "clip" not in policy}
    boxes = {entry.id for entry in entries() if entry.n_actions is None}
    assert scaled == boxes | {"LunarLander-v3"}


def test_another_libm_proves_nothing_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    here = libm_fingerprint(("sin", "cos"))

    def other(functions: tuple[str, ...]) -> dict[str, str]:
        return {name: here[name] if name == "sin" else "0" * 16 for name in functions}

    monkeypatch.setattr(golden, "libm_fingerprint", other)
    section = check(recorded("cartpole"))
    assert section.verdict is Verdict.UNPROVEN
    assert section.unproven == "recorded with another math library: cos differ here"
    # Snake depends on no function of it.
    assert check(recorded("snake")).verdict is Verdict.HOLDS


def test_the_fingerprint_sees_one_ulp(monkeypatch: pytest.MonkeyPatch) -> None:
    import math

    real, before = math.sin, libm_fingerprint(("sin", "pow"))

    def once_off(x: float) -> float:
        return math.nextafter(real(x), 2.0) if x == argument else real(x)

    def remembered(x: float) -> float:
        arguments.append(x)
        return real(x)

    arguments: list[float] = []
    monkeypatch.setattr(math, "sin", remembered)
    assert libm_fingerprint(("sin", "pow")) == before
    argument = arguments[12_345]
    monkeypatch.setattr(math, "sin", once_off)
    after = libm_fingerprint(("sin", "pow"))
    assert after["sin"] != before["sin"] and after["pow"] == before["pow"]


def test_hashed_numbers_are_splitmix64s() -> None:
    """The published sequence for the seed 0: 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f."""
    expected = [value / 2**23 - 1 for value in (0xE220A8, 0x6E789E, 0x06C45D)]
    assert hashed_numbers(0, 3).tolist() == expected
    numbers = hashed_numbers(7, 100_000)
    assert numbers.dtype == np.float32 and abs(float(numbers.mean())) < 0.01
    assert numbers.min() >= -1 and numbers.max() < 1
    assert not np.array_equal(hashed_numbers(8, 3), hashed_numbers(7, 3))


def example(tmp_path: Path, header: Mapping[str, Any], name: str = "example.npz") -> Path:
    save(tmp_path / name, header, {"0.reward": np.arange(3.0)})
    return tmp_path / name


def test_the_same_content_is_the_same_bytes_and_comes_back(tmp_path: Path) -> None:
    path = example(tmp_path, {"env_id": "x"})
    assert path.read_bytes() == example(tmp_path, {"env_id": "x"}, "again.npz").read_bytes()
    found = load(path)
    assert (found.name, found.header["env_id"]) == ("example", "x")
    assert found.arrays["0.reward"].tolist() == [0, 1, 2]


def test_a_file_of_another_version_or_without_its_arrays_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected .* got 'evalengine-golden' 99"):
        load(example(tmp_path, {"version": 99}))
    with zipfile.ZipFile(tmp_path / "objects.npz", "w") as archive:
        archive.writestr("header.json", '{"format": "evalengine-golden", "version": 1}')
        np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
        archive.write(tmp_path / "objects.npy", "0.reward.npy")
    with pytest.raises(ValueError, match="allow_pickle"):
        load(tmp_path / "objects.npz")
    run: dict[str, Any] = {
        "kwargs": {},
        "options": None,
        "max_episode_steps": None,
        "driver": "random",
        "state": [],
        "events": {},
    }
    incomplete = example(tmp_path, {"env_id": "CartPole-v1", "versions": {}, "libm": {}, "runs": [run]})
    with pytest.raises(ValueError, match="expected the arrays seed, episode, step, action, observation, term"):
        check(load(incomplete))


def test_asking_for_help_records_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evalengine.parity.golden_recording", "--help"]
    asked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert asked.stdout.startswith("usage: make goldens") and list(tmp_path.iterdir()) == []
