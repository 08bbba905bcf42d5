"""Tables that people fill in for an import: known columns by any of their names, and the rows by their numbers.

Nothing is kept between preview and confirmation: what was read goes along with the page, signed.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
from collections.abc import Mapping
from typing import IO

from django.core import signing
from django.core.exceptions import ValidationError

from accounts.models import User
from engagements.models import Engagement
from evidence import listings

LARGEST = 5 << 20
_KEPT = dt.timedelta(hours=12)


@dataclasses.dataclass(frozen=True)
class Form:
    """What a kind of table looks like: its columns by key, each as heading and other names, and those it needs."""

    name: str
    columns: Mapping[str, tuple[str, tuple[str, ...]]]
    needed: tuple[str, ...]
    most: int

    def keys_of(self, headings: tuple[str, ...]) -> list[str | None]:
        known = {
            name.casefold(): key
            for key, (heading, others) in self.columns.items()
            for name in (heading, *others, key)
        }
        return [known.get(" ".join(heading.casefold().replace("_", " ").split())) for heading in headings]


@dataclasses.dataclass(frozen=True)
class Table:
    """The cells by column, as they stood in the file `name`; `ignored` headings mean nothing here."""

    rows: list[tuple[int, dict[str, str]]]
    ignored: list[str] = dataclasses.field(default_factory=list)
    name: str = ""


def read(file: IO[bytes], name: str, form: Form) -> Table:
    """The cells of a CSV or XLSX file. Raises ValidationError for a file that cannot be read as such a table."""
    if name.rpartition(".")[2].lower() not in {"csv", "xlsx"}:
        raise ValidationError("The table is a CSV or an XLSX file.")
    file.seek(0, io.SEEK_END)
    if file.tell() > LARGEST:
        raise ValidationError(f"The table is larger than {LARGEST >> 20} MB.")
    file.seek(0)
    listing = listings.read(file, name)
    if len(listing.rows) > form.most:
        raise ValidationError(f"The table has {len(listing.rows):,} rows: {form.most:,} at most. Split it.")
    keys = form.keys_of(listing.columns)
    for key in sorted({key for key in keys if key and keys.count(key) > 1}):
        raise ValidationError(f"Two columns mean “{form.columns[key][0]}”. Leave one out.")
    if missing := [form.columns[key][0] for key in form.needed if key not in keys]:
        raise ValidationError(
            f"The file has no column “{'” and none “'.join(missing)}”. Its first row names the columns."
        )
    rows = [
        (number, {key: cell.strip() for key, cell in zip(keys, cells, strict=True) if key})
        for number, cells in zip(listing.numbers, listing.rows, strict=True)
    ]
    ignored = [heading for heading, key in zip(listing.columns, keys, strict=True) if key is None]
    return Table([(number, cells) for number, cells in rows if any(cells.values())], ignored, name[:120])


def seal(table: Table, form: Form, *, engagement: Engagement, by: User) -> str:
    """What was read, for the page to carry: nobody else and no other engagement can use it."""
    return signing.dumps([engagement.pk, by.pk, table.name, table.rows], salt=_salt(form), compress=True)


def unseal(sealed: str, form: Form, *, engagement: Engagement, by: User) -> Table:
    """Raises ValidationError when it is not what this person was shown here, or too old."""
    try:
        pk, user, name, rows = signing.loads(sealed, salt=_salt(form), max_age=_KEPT)
    except signing.BadSignature as error:
        raise ValidationError("The preview is too old. Choose the file again.") from error
    if (pk, user) != (engagement.pk, by.pk):
        raise ValidationError("The preview is too old. Choose the file again.")
    return Table([(number, cells) for number, cells in rows], name=name)


def _salt(form: Form) -> str:
    return f"evidence.tables.{form.name}"
