"""Makes everything that is shown of bench_results/*.csv: plots, and the documents' tables. Measures nothing.

python scripts/render_results.py            what `make figures` runs
python scripts/render_results.py --check    writes nothing; exit status 1 if a text differs from the CSV files
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cost_tables import machines_section, resident_section
from evalengine.bench.saved import read_rows
from evalengine.bench.schema import BenchRow
from evalengine.files.whole import write_whole
from measure_results import FILES
from results_text import between_markers, goals_section, speed_section, summary_section

ROOT = Path(__file__).resolve().parent.parent
PLOTS = Path("bench_results") / "plots"


def committed_rows(root: Path) -> list[BenchRow]:
    """The rows of every published file that is there, in the order of `FILES`."""
    paths = [root / "bench_results" / name for name in FILES]
    return [row for path in paths if path.exists() for row in read_rows(path)]


def texts(root: Path, rows: list[BenchRow]) -> dict[Path, str]:
    """The documents with their sections made anew from the rows."""
    plots = [f"../{PLOTS}/{path.name}" for path in sorted((root / PLOTS).glob("*.png"))] if rows else []
    sections = [
        (root / "README.md", "measured", summary_section(rows)),
        (root / "docs" / "index.md", "measured", summary_section(rows)),
        (root / "docs" / "speed.md", "measured", speed_section(rows, plots)),
        (root / "bench_results" / "README.md", "goals", goals_section(rows)),
        (root / "bench_results" / "README.md", "resident", resident_section(rows)),
        (root / "docs" / "many-machines.md", "machines", machines_section(rows)),
    ]
    found = {path: path.read_text(encoding="utf-8") for path, _, _ in sections}
    for path, name, section in sections:
        found[path] = between_markers(found[path], name, section)
    return found


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Render, or check; returns the exit status."""
    parser = argparse.ArgumentParser(description="Make plots and tables of bench_results/*.csv.")
    parser.add_argument("--check", action="store_true", help="write nothing, compare the texts")
    is_check = parser.parse_args(arguments).check
    rows = committed_rows(root)
    if rows and not is_check:
        from evalengine.bench.plots import draw

        (root / PLOTS).mkdir(exist_ok=True)
        for path in draw(rows, root / PLOTS):
            print(path.relative_to(root))
    stale = [path for path, text in texts(root, rows).items() if path.read_text(encoding="utf-8") != text]
    if is_check:
        for path in stale:
            print(f"{path.relative_to(root)}: its figures are not those of bench_results/*.csv: run make figures")
        return 1 if stale else 0
    for path, text in texts(root, rows).items():
        with write_whole(path) as stream:
            stream.write(text.encode("utf-8"))
        print(path.relative_to(root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
