"""An outsider with the listing and one file draws the same items."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from evidence.listings import Listing, canonical, column_dates, digest, parse_date
from fieldwork import redraw, sampling

SCRIPT = Path(redraw.__file__)
ROWS = 300
LISTING = Listing(
    ("Ticket", "Merged on", "Title"),
    tuple(
        (
            f"CHG-{n}",
            (date(2025, 1, 1) + timedelta(days=(n * 37) % 365)).isoformat() if n % 50 else "",
            f'Change "{n}",\nÜ',
        )
        for n in range(1, ROWS + 1)
    ),
)


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    path = tmp_path / "listing.csv"
    path.write_bytes(canonical(LISTING))
    return path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def drawn(output: str) -> list[int]:
    return [int(line.partition("\t")[0]) - 1 for line in output.splitlines()[3:]]


@pytest.mark.parametrize(
    ("method", "size"), [("random", 25), ("stratified", 40), ("systematic", 17), ("census", ROWS), ("random", 0)]
)
def test_script_draws_what_the_product_draws(listing: Path, method: sampling.Method, size: int) -> None:
    population = digest(LISTING)
    seed = sampling.seed("ACME-2025", "CHG-01", population)
    ours = sampling.select(seed, size, ROWS, dates=column_dates(LISTING, "Merged on"), method=method)
    done = run(
        str(listing), "--engagement", "ACME-2025", "--control", "CHG-01", "--size", str(size),
        "--method", method, "--date-column", "Merged on", "--sha256", population,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [f"population\t{population}\t{ROWS} rows", f"seed\t{seed}"]
    assert drawn(done.stdout) == ours


def test_client_own_file_gives_the_same_draw(tmp_path: Path, listing: Path) -> None:
    own = tmp_path / "own.csv"
    text = listing.read_text(encoding="utf-8").replace('","', '";"').replace('"Ticket"', " Ticket ")
    own.write_bytes(b"\xef\xbb\xbf" + text.encode())
    keys = ("--engagement", "E", "--control", "C", "--size", "10")
    assert drawn(run(str(own), *keys, "--delimiter", ";").stdout) == drawn(run(str(listing), *keys).stdout)


def test_one_changed_byte_is_noticed_and_draws_others(listing: Path) -> None:
    keys = ("--engagement", "E", "--control", "C", "--size", "10")
    before = run(str(listing), *keys)
    listing.write_bytes(listing.read_bytes().replace(b'CHG-7"', b'CHG-8"'))
    after = run(str(listing), *keys, "--sha256", digest(LISTING))
    assert after.returncode == 1
    assert "differs" in after.stderr
    assert drawn(run(str(listing), *keys).stdout) != drawn(before.stdout)


def test_refusals_are_in_words(listing: Path) -> None:
    keys = (str(listing), "--engagement", "E", "--control", "C")
    assert "cannot be drawn" in run(*keys, "--size", "301").stderr
    assert "--date-column must be one of" in run(*keys, "--size", "3", "--method", "stratified").stderr
    assert "--delimiter right?" in run(*keys, "--size", "3", "--delimiter", ";").stderr


@pytest.mark.parametrize(
    "cell",
    [
        "2025-03-04",
        "2025-03-04T10:00:00Z",
        "2025/3/4 09:00",
        "03/04/2025",
        "4.3.2025",
        "3 Mar 2025",
        "Mar 3, 2025",
        "x",
        "2025-02-30",
        "30/30/2025",
    ],
)
@pytest.mark.parametrize("order", ["mdy", "dmy"])
def test_both_read_dates_alike(cell: str, order: str) -> None:
    ours = parse_date(cell, order)  # type: ignore[arg-type]
    try:
        theirs = redraw.parse_date(cell, order)
    except ValueError:
        theirs = None
    assert theirs == ours


def test_script_needs_nothing_but_the_standard_library() -> None:
    imported = set(re.findall(r"^(?:import|from) (\w+)", SCRIPT.read_text(encoding="utf-8"), re.M))
    assert imported <= sys.stdlib_module_names
