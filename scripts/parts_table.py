"""What the parts of a step cost beside the whole, measured and written into rust/PERFORMANCE.md.

    cargo bench -p engine --bench parts ──► lines of CSV, once for each instruction set ──► table ──► PERFORMANCE.md

Close other programs first: these are times. Half a minute for each instruction set, after the bench is compiled.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from evalengine import streams
from evalengine.evaluation.provenance import cpu_model
from evalengine.files.whole import write_whole
from results_text import between_markers, table_line

ROOT = Path(__file__).resolve().parent.parent
PERFORMANCE = ROOT / "rust" / "PERFORMANCE.md"

PARTS = ("observe", "forward", "activation", "decode", "step", "new episodes")
"""The parts that make up a step, as the bench calls them."""

COMMAND = ("cargo", "bench", "--quiet", "--manifest-path", "rust/Cargo.toml", "-p", "engine", "--bench", "parts")

Measured = dict[tuple[str, str], dict[str, float]]
"""Nanoseconds by part, of each environment and policy; `macs` and `limit` beside them."""


def measured(lines: Iterable[str]) -> Measured:
    """The bench's lines by workload; the limit is what a policy's multiply-adds take at the processor's peak."""
    found: Measured = {}
    multiply_add = float("nan")
    for row in csv.DictReader(lines):
        if not row["env"]:
            multiply_add = float(row["nanoseconds"])
            continue
        of_workload = found.setdefault((row["env"], row["policy"]), {})
        of_workload[row["part"]] = float(row["nanoseconds"])
        of_workload["limit"] = float(row["macs"]) * multiply_add
    return found


def table(workloads: Measured) -> list[str]:
    """Markdown: a line for each workload, the parts, their sum, and how much longer the whole takes."""
    heads = ["workload", *PARTS, "sum", "whole", "whole / sum", "multiply-adds at the peak", "forward's share of it"]
    lines = [table_line(heads), "|---|" + "--:|" * (len(heads) - 1)]
    for (env, policy), parts in workloads.items():
        total = sum(parts[part] for part in PARTS)
        lines.append(
            table_line(
                [
                    f"{env}, `{policy}`",
                    *(_nanoseconds(parts[part]) for part in PARTS),
                    _nanoseconds(total),
                    _nanoseconds(parts["whole"]),
                    f"{parts['whole'] / total:.2f}",
                    _nanoseconds(parts["limit"]),
                    f"{parts['limit'] / parts['forward']:.0%}",
                ]
            )
        )
    return lines


def section(by_isa: dict[str, Measured], processor: str) -> str:
    """The tables of all instruction sets, with what they mean."""
    text = [
        f"Nanoseconds of one lane and step on one core of {processor}, medians of nine rounds; weights are between",
        "-1 and 1.",
        "The forward pass is without its activations, which have a column of their own; new episodes are resets,",
        "shared out over all steps.",
    ]
    for isa, workloads in by_isa.items():
        text += ["", f"{isa}:", "", *table(workloads)]
    return "\n".join(text) + "\n"


def main(isas: Sequence[str] = ("avx2", "avx512")) -> int:
    """Measure on every instruction set that this processor has, and write the tables."""
    by_isa: dict[str, Measured] = {}
    for isa in isas:
        environment = {**os.environ, "EVALENGINE_ISA": isa}
        run = subprocess.run(COMMAND, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        lines = run.stdout.splitlines()
        if not lines[1].startswith(f"{isa},"):
            streams.note(f"{isa}: this processor does not have it")
            continue
        by_isa[isa] = measured(lines)
    document = PERFORMANCE.read_text(encoding="utf-8")
    with write_whole(PERFORMANCE) as stream:
        stream.write(between_markers(document, "parts", section(by_isa, cpu_model())).encode())
    return 0


def _nanoseconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
