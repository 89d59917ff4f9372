"""`make goldens`: records the golden files anew from the references and from PyTorch.

    python -m evalengine.parity.golden_recording parity/golden

Every environment that is registered gets a file. The same versions on the same kind of machine give the same bytes, so
what `git diff` shows has changed. Needs Gymnasium and PyTorch, whose versions each file keeps; those that are known to
differ from what the claims are about are refused.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.registry import describe, entries
from evalengine.errors import EvalEngineError, MissingDependencyError
from evalengine.lifetimes import ending_in_order
from evalengine.parity.closed_loop import LogitsSource
from evalengine.parity.drivers import player
from evalengine.parity.golden import (
    check,
    forward_example,
    libm_fingerprint,
    load,
    save,
    trace_arrays,
    with_hashes,
)
from evalengine.parity.open_loop import state_names
from evalengine.parity.pictures import write_png
from evalengine.parity.report import Verdict
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.parity.trace import Trace, record
from evalengine.policies.heads import Head
from evalengine.policies.policy import Policy
from evalengine.references import Reference, Variant, reference
from evalengine.references.versions import standing
from evalengine.streams import note

STEPS = 100
"""Of each variant with each driver; of the default variant, whose episodes are the longest, four times as many. An
adapter may say otherwise."""

FORWARD = (
    "mlp:4-2,act=relu",
    "mlp:193-70-12-5,act=relu",
    "mlp:384-33-11-1,act=relu",
    "mlp:500-13-3,act=relu,bias=0",
    "mlp:4-64-64-2",
    "cnn:9x11x7-5k3p1-24k3s2-20-6",
    "cnn:3x17x13-8k5x3s2x1p1x0-12k3p1-20-4,bias=0",
    "cnn:4x84x84-32k8s4-64k4s2-64k3-512-6",
)
"""Networks whose logits are recorded beside those of policies that play."""

ROWS = 24

DRAWN = ("observation",)
"""What documented differences of versions are about."""


def main(arguments: Sequence[str]) -> int:
    """Record everything into a folder, check it against our side, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make goldens", description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("parity/golden"), help="where the traces go")
    target: Path = parser.parse_args(arguments).folder
    unproven = standing("torch", "gymnasium", "numpy").unproven
    if unproven:
        raise MissingDependencyError(f"goldens are recorded from the references: {unproven}")
    for source in map(reference, (entry.id for entry in entries())):
        differs = source.documented(DRAWN)
        if differs:
            raise MissingDependencyError(f"goldens are recorded from what the claims are about: {differs}")
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for entry in entries():
        written.append(target / f"{entry.short_name}.npz")
        record_environment(reference(entry.id), written[-1])
    written.append(target / "forward.npz")
    with TorchPolicy() as torch_policy:
        record_forward(torch_policy, written[-1])
    sections = [check(load(path)) for path in written]
    for path, section in zip(written, sections, strict=True):
        note(f"{path}: {path.stat().st_size:,} bytes, {section.name}: {section.steps:,} steps, {section.verdict}")
        if section.first_divergence is not None:
            note(section.first_divergence.message())
    return 0 if all(section.verdict is Verdict.HOLDS for section in sections) else 1


def record_environment(source: Reference, path: Path) -> None:
    """Write the traces of all variants with all drivers but the policy's, which no other version could repeat."""
    runs: list[Mapping[str, Any]] = []
    frames: list[Mapping[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    for index, variant in enumerate((Variant(), *source.variants)):
        entry = describe(source.env_id, variant.kwargs)
        for driver in ("random", "sticky", *source.drivers):
            begin = player(driver, entry, source.drivers)
            steps = source.golden_steps or (4 * STEPS if index == 0 else STEPS)
            trace, events = record(source, variant, {driver: begin}, seed=1000 * len(runs), steps=steps)
            names = state_names(source, variant)
            if entry.observation_dtype == "uint8":
                frames += _write_frames(source, str(variant), driver, len(runs), trace, path)
                trace, names = with_hashes(trace), ()
            arrays |= trace_arrays(len(runs), trace, source.golden_stride)
            runs.append(
                {
                    "kwargs": dict(variant.kwargs),
                    "options": variant.options,
                    "max_episode_steps": variant.max_episode_steps,
                    "driver": driver,
                    "state": names,
                    "events": dict(sorted(events.items())),
                }
            )
    header = {
        "env_id": source.env_id,
        "versions": standing(*source.packages).versions,
        "libm": libm_fingerprint(source.libm),
        "runs": runs,
    }
    save(path, header | ({"frames": frames} if frames else {}), arrays)


def _write_frames(
    source: Reference, variant: str, driver: str, run: int, trace: Trace, path: Path
) -> list[Mapping[str, Any]]:
    """Write the images that the adapter wants to be kept of one run as PNG files beside the golden file."""
    frames: list[Mapping[str, Any]] = []
    for number, (of_variant, of_driver, row) in enumerate(source.golden_frames):
        if (of_variant, of_driver) == (variant, driver):
            name = f"{path.stem}-{number}.png"
            write_png(trace.observation[row], path.with_name(name))
            frames.append({"file": name, "run": run, "row": row})
    return frames


def record_forward(source: LogitsSource, path: Path) -> None:
    """Write PyTorch's logits of the policies that environments have in closed loops, with actions, and of `FORWARD`."""
    plays: list[tuple[str, str | None, Mapping[str, Any]]] = []
    for entry in entries():
        plays.append((entry.default_policy, entry.id, {}))
        plays += [(policy, entry.id, variant.kwargs) for variant, policy in reference(entry.id).closed_loops]
    plays += [(spelling, None, {}) for spelling in FORWARD]
    runs, arrays = [], {}
    for number, (spelling, env_id, kwargs) in enumerate(plays):
        policy = Policy(spelling)
        weights, observations = forward_example(policy, seed=number, rows=ROWS)
        logits = np.asarray(source.logits(policy, weights, observations))
        arrays[f"{number}.logits"] = logits
        if env_id is not None:
            arrays[f"{number}.actions"] = Head.of(policy, describe(env_id, kwargs)).actions_with(source, logits)
        run = {"policy": spelling, "env_id": env_id, "kwargs": dict(kwargs), "seed": number, "rows": ROWS}
        runs.append(run)
    save(path, {"versions": standing("torch").versions, "runs": runs}, arrays)


if __name__ == "__main__":
    try:
        with ending_in_order():
            sys.exit(main(sys.argv[1:]))
    except EvalEngineError as error:
        sys.exit(f"error: {error}")
