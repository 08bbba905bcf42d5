"""Draw a sample again from its listing, without Attestry: Python 3.9 or newer and this one file.

    python redraw.py listing.csv --record sample.json
    python redraw.py listing.csv --engagement KEY --control KEY --size N
                     [--method random|stratified|systematic|census|targeted] [--rows 4,17,230] [--further 15,10]
                     [--date-column NAME] [--date-order mdy|dmy] [--delimiter ,] [--sha256 HASH]

`listing.csv` is the frozen listing as Attestry hands it out, or any CSV in UTF-8 with the same header and
cells. `sample.json` is the record of the sample as Attestry hands it out; what it says can be given by hand
instead. With a record, or with `--sha256` and `--rows`, the hash of the listing and the rows drawn are compared
with it, and the script ends with 1 when they differ. Row 1 is the first row below the header.

How it works:
1. The population's hash is the SHA-256 of the listing in one fixed form: UTF-8, header first, cells without
   outer spaces in double quotes (doubled inside), commas between them, a line feed after every row.
2. The seed is the SHA-256 of engagement|control|hash, in hex.
3. Every row has a rank, the SHA-256 of seed|index in hex, its index counted from 0.
   random: the lowest ranks. stratified: the rows by date (those without one last), cut into as many runs as
   items, as equal as possible, the lowest rank of each run. systematic: (start + i * N) // n for i from 0,
   the start being the SHA-256 of seed|start modulo N. census: all.
   further items, where a sample was expanded: the lowest ranks among the rows not drawn before.
   targeted: nobody drew these, the auditor chose them. Only that they are rows of this listing is checked.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import re
import sys
from datetime import date
from pathlib import Path

METHODS = ["random", "stratified", "systematic", "census", "targeted"]
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:$|[T\s])")
YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:$|[T,\s])")
DAY_NAME_YEAR = re.compile(r"(\d{1,2})[-\s]([A-Za-z]{3})[a-z]*[-\s](\d{4})(?:$|[,\s])")
NAME_DAY_YEAR = re.compile(r"([A-Za-z]{3})[a-z]*\.?\s+(\d{1,2}),?\s+(\d{4})(?:$|[,\s])")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read(path: str, delimiter: str) -> tuple[list[str], list[list[str]]]:
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        rows = [
            [cell.strip().replace("\r\n", "\n").replace("\r", "\n") for cell in row]
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        ]
    except (OSError, ValueError, csv.Error) as error:
        sys.exit(f"The listing cannot be read ({error}). Is it CSV in UTF-8, and the --delimiter right?")
    rows = [row for row in rows if any(row)]
    if not rows:
        sys.exit("The listing is empty.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            sys.exit(f"Row {number} has {len(row)} cells, the header {len(rows[0])}. Is the --delimiter right?")
    reach = max(number for row in rows for number, cell in enumerate(row, start=1) if cell)
    header, *body = (row[:reach] for row in rows)
    return header, body


def canonical(header: list[str], rows: list[list[str]]) -> str:
    return "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in [header, *rows])


def parse_date(value: str, order: str | None) -> date | None:
    if not value:
        return None
    found = YEAR_FIRST.match(value)
    if found:
        return date(int(found[1]), int(found[2]), int(found[3]))
    found = DAY_NAME_YEAR.match(value)
    if found and found[2].lower() in MONTHS:
        return date(int(found[3]), MONTHS.index(found[2].lower()) + 1, int(found[1]))
    found = NAME_DAY_YEAR.match(value)
    if found and found[1].lower() in MONTHS:
        return date(int(found[3]), MONTHS.index(found[1].lower()) + 1, int(found[2]))
    found = YEAR_LAST.match(value)
    if found and order == "mdy":
        return date(int(found[3]), int(found[1]), int(found[2]))
    if found and order == "dmy":
        return date(int(found[3]), int(found[2]), int(found[1]))
    raise ValueError(f"{value!r} is not a date; give --date-order if it is one")


def select(seed: str, size: int, count: int, method: str, dates: list[date | None]) -> list[int]:
    def rank(index: int) -> str:
        return sha256(f"{seed}|{index}")

    if not 0 <= size <= count or (method == "census" and size != count):
        sys.exit(f"{size} items of a population of {count} cannot be drawn by {method}.")
    if method == "census":
        return list(range(count))
    if method == "random":
        return sorted(sorted(range(count), key=rank)[:size])
    if method == "systematic":
        start = int(sha256(f"{seed}|start"), 16) % count if count else 0
        return [(start + number * count) // size for number in range(size)]
    in_time = sorted(range(count), key=lambda index: (dates[index] is None, dates[index] or date.min, index))
    runs = [in_time[run * count // size : (run + 1) * count // size] for run in range(size)]
    return sorted(min(run, key=rank) for run in runs)


def further(seed: str, drawn: list[int], size: int, count: int) -> list[int]:
    taken = set(drawn)
    left = [index for index in range(count) if index not in taken]
    if not 0 <= size <= len(left):
        sys.exit(f"{size} further items cannot be drawn: {len(left)} are left.")
    return sorted(sorted(left, key=lambda index: sha256(f"{seed}|{index}"))[:size])


def main() -> None:
    given = arguments()
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    header, rows = read(given.listing, given.delimiter.replace("\\t", "\t"))
    dates = dates_of(given, header, rows)
    population = sha256(canonical(header, rows))
    say("population", population, f"{len(rows)} rows")
    if given.sha256 and given.sha256.lower() != population:
        sys.exit("The listing is not the one in the record: its hash differs.")
    recorded = sorted(given.rows)
    if given.method == "targeted":
        drawn = recorded
        if not drawn or len(set(drawn)) != len(drawn) or not 1 <= drawn[0] <= drawn[-1] <= len(rows):
            sys.exit("A targeted selection names its rows, each once, and all of them in the listing.")
    else:
        seed = sha256(f"{given.engagement}|{given.control}|{population}")
        say("seed", seed)
        if given.seed not in ("", seed):
            sys.exit("The seed of the record does not follow from engagement, control and listing.")
        indices = select(seed, given.size, len(rows), given.method, dates)
        for size in given.further:
            indices += further(seed, indices, size, len(rows))
        drawn = [index + 1 for index in indices]
    say("row", *header)
    for row in drawn:
        say(str(row), *(cell.replace("\n", " ") for cell in rows[row - 1]))
    if (given.keys or given.record) and [
        rows[row - 1][header.index(given.key_column)][:300] for row in drawn
    ] != given.keys:
        sys.exit("The items are not those of the record.")
    if (recorded or given.record) and recorded != sorted(drawn):
        sys.exit(f"The record has other rows: {', '.join(map(str, recorded))}.")


def dates_of(given: argparse.Namespace, header: list[str], rows: list[list[str]]) -> list[date | None]:
    if given.method != "stratified":
        return []
    if given.date_column not in header:
        sys.exit(f"--date-column must be one of: {', '.join(header)}")
    try:
        return [parse_date(row[header.index(given.date_column)], given.date_order) for row in rows]
    except ValueError as error:
        sys.exit(f"Column {given.date_column}: {error}")


def arguments() -> argparse.Namespace:
    """What is given by hand, or by the record of the sample."""
    options = argparse.ArgumentParser(description="Draw a sample again from its listing.")
    options.add_argument("listing")
    options.add_argument("--record", help="the sample's record, a JSON file")
    options.add_argument("--engagement")
    options.add_argument("--control")
    options.add_argument("--size", type=int)
    options.add_argument("--method", default="random", choices=METHODS)
    options.add_argument("--rows", default="", help="the rows in the sample's record, such as 4,17,230")
    options.add_argument("--further", default="", help="sizes of the sample's expansions, in their order")
    options.add_argument("--date-column")
    options.add_argument("--date-order", choices=["mdy", "dmy"])
    options.add_argument("--delimiter", default=",")
    options.add_argument("--sha256", help="the population's hash in the sample's record")
    given = options.parse_args()
    given.keys, given.key_column, given.seed = [], "", ""
    try:
        given.rows = [int(row) for row in given.rows.split(",") if row.strip()]
        given.further = [int(size) for size in given.further.split(",") if size.strip()]
    except ValueError:
        options.error("--rows and --further are numbers with commas between")
    if given.record:
        take(given)
    elif given.method != "targeted" and None in (given.engagement, given.control, given.size):
        options.error("give --record, or --engagement, --control and --size")
    return given


def take(given: argparse.Namespace) -> None:
    try:
        record = json.loads(Path(given.record).read_bytes().decode("utf-8-sig"))
        for name in ("engagement", "control", "size", "method", "seed", "rows", "keys", "key_column"):
            setattr(given, name, record[name])
        given.further = record.get("further", [])
        given.sha256 = record["population_sha256"]
        given.date_column = record["date_column"] or None
        given.date_order = record["date_order"] if record["date_order"] in ("mdy", "dmy") else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"The record cannot be read ({error!r}). Is it the file that Attestry hands out?")
    if given.method not in METHODS:
        sys.exit(f"The record names a method that is not known here: {given.method}.")


def say(*cells: str) -> None:
    sys.stdout.write("\t".join(cells) + "\n")


if __name__ == "__main__":
    main()
