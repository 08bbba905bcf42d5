"""Reconciliations: two listings held against each other, each difference explained, the result kept as evidence."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from accounts.models import User
from audit.trail import action, record
from engagements.models import Engagement
from engagements.roles import require
from engagements.workflow import WORKING, WrongStage, locked, must_be
from evidence import comparing, listings, populations, uploads
from evidence.codes import next_code
from evidence.comparing import Alike, NoMatch, Outcome, Settings
from evidence.listings import Listing
from evidence.models import EvidenceFile, ListingDifference, Population, ReconciledListing, Reconciliation
from evidence.storage import Altered, keep, opened

BEGUN = action("reconciliation.begun", "began the reconciliation {target}", firm_only=True)
MATCHED = action("reconciliation.matched", "matched {target}: {differences} differences", firm_only=True)
EXPLAINED = action("reconciliation.explained", "explained {count} differences of {target}", firm_only=True)
CONCLUDED = action("reconciliation.concluded", "concluded the reconciliation {target}", firm_only=True)
REDONE = action("reconciliation.redone", "redid the reconciliation {target} with newer listings", firm_only=True)
DISCARDED = action("reconciliation.discarded", "discarded the unmatched reconciliation {target}", firm_only=True)

MAY = "accept_populations"
State = Reconciliation.State
Cause = ListingDifference.Cause
NAMED_IN_TRAIL = 20
_CHUNK = 2_000


@dataclass(frozen=True)
class Pattern:
    """A usual pair of listings: what they are called, the words by which the key's column is known."""

    code: str
    title: str
    first: str
    second: str
    hints: tuple[str, ...]
    each_once: bool = True
    one_way: bool = False
    alike: tuple[Alike, ...] = (Alike.CASE, Alike.SPACES)


PATTERNS = {
    one.code: one
    for one in (
        Pattern(
            "hr_idp",
            "HR roster to users of the identity provider",
            "HR roster",
            "Identity provider",
            ("mail", "employee", "login", "user"),
        ),
        Pattern(
            "changes_deployments",
            "Changes to deployments",
            "Changes",
            "Deployments",
            ("change", "ticket", "commit", "sha", "pull request", "release", "pr"),
            each_once=False,
        ),
        Pattern(
            "leavers_disabled",
            "Leavers to disabled accounts",
            "Leavers",
            "Disabled accounts",
            ("mail", "employee", "login", "user"),
            one_way=True,
        ),
        Pattern(
            "endpoints_hr",
            "Endpoints to HR roster",
            "Endpoints",
            "HR roster",
            ("owner", "assigned", "user", "mail", "employee"),
            each_once=False,
        ),
    )
}


@dataclass(frozen=True)
class Source:
    """A listing to be reconciled: a population, or a file with how it is read."""

    label: str
    population: Population | None = None
    file: EvidenceFile | None = None
    sheet: str = ""
    encoding: str = ""


@transaction.atomic
def begin(
    engagement: Engagement, *, title: str, first: Source, second: Source, by: User, pattern: str = ""
) -> Reconciliation:
    """Take two listings to be held against each other; how they are matched is said next, by `match`.

    Raises PermissionDenied, WrongStage, ValidationError by field (`first`, `second`: what cannot be read).
    """
    engagement = locked(engagement)
    require(engagement, by, MAY)
    must_be(engagement, *WORKING)
    if not title.strip():
        raise ValidationError({"title": "Say what is reconciled with what."})
    made = Reconciliation(
        engagement=engagement,
        code=next_code(Reconciliation.objects.filter(engagement=engagement), "REC"),
        title=title.strip()[:200],
        pattern=pattern if pattern in PATTERNS else "",
        begun_by=by,
    )
    if made.pattern:
        usual = PATTERNS[made.pattern]
        made.each_once, made.one_way, made.alike = usual.each_once, usual.one_way, list(usual.alike)
    else:
        made.alike = [Alike.CASE, Alike.SPACES]
    _take(made, first, second)
    record(BEGUN, by=by, engagement=engagement, target=made, listings=_hashes(made))
    return made


def _take(made: Reconciliation, first: Source, second: Source) -> None:
    """Save the reconciliation with its two listings, each kept in its canonical form."""
    taken = []
    problems: dict[str, list[str]] = {}
    for place, (name, source) in enumerate({"first": first, "second": second}.items(), start=1):
        try:
            taken.append(_taken(made.engagement, place, source))
        except ValidationError as error:
            problems[name] = error.messages
    if not problems and taken[0].sha256 == taken[1].sha256:
        problems["second"] = ["Both are the same listing. A listing is reconciled with another source."]
    if problems:
        raise ValidationError(problems)
    made.save()
    for one in taken:
        one.reconciliation = made
    ReconciledListing.objects.bulk_create(taken)


def _taken(engagement: Engagement, place: int, source: Source) -> ReconciledListing:
    population, file = source.population, source.file
    one = ReconciledListing(engagement=engagement, place=place, label=source.label.strip()[:120])
    if population is not None:
        if population.engagement_id != engagement.pk:
            raise ValidationError("A population of another engagement cannot be reconciled here.")
        one.population, one.file, one.sha256 = population, population.file, population.sha256
        one.sheet, one.encoding = population.sheet, population.encoding
        one.columns, one.row_count = population.columns, population.row_count
    elif file is not None:
        listing = populations.read(engagement, file, sheet=source.sheet, encoding=source.encoding)
        one.file, one.sheet, one.encoding = file, source.sheet, source.encoding
        one.columns, one.row_count = list(listing.columns), len(listing.rows)
        one.sha256, _ = keep(engagement.pk, io.BytesIO(listings.canonical(listing)))
    else:
        raise ValidationError("Choose a population or a file.")
    one.label = one.label or (population.name if population else one.file.name)[:120]
    return one


def both(reconciliation: Reconciliation) -> tuple[ReconciledListing, ReconciledListing]:
    """The two listings, the first and the second."""
    first, second = reconciliation.listings.select_related("population", "file").order_by("place")
    return first, second


def listing_of(one: ReconciledListing) -> Listing:
    """The rows of one of the listings, their hash checked. Raises ValidationError when they were altered."""
    try:
        with opened(one.engagement_id, one.sha256) as file:
            return listings.from_canonical(file.read())
    except Altered as altered:
        raise ValidationError(f"{one.label}: {altered}") from altered


def settings_of(reconciliation: Reconciliation) -> Settings:
    """How it is matched, as `comparing` takes it."""
    return Settings(
        keys=tuple((one, other) for one, other in reconciliation.keys),
        compared=tuple((one, other) for one, other in reconciliation.compared),
        alike=frozenset(Alike(one) for one in reconciliation.alike),
        each_once=reconciliation.each_once,
        one_way=reconciliation.one_way,
    )


def proposed(reconciliation: Reconciliation) -> Settings:
    """What matching may begin with: as it was matched, else by the usual pair and the listings themselves."""
    if reconciliation.keys:
        return settings_of(reconciliation)
    sources = both(reconciliation)
    first, second = (listing_of(one) for one in sources)
    usual = PATTERNS.get(reconciliation.pattern)
    one, other = (source.population.key_column if source.population else "" for source in sources)
    keys = comparing.guess_keys(first, second, usual.hints if usual else (), (one, other))
    return Settings(
        keys=keys,
        compared=comparing.guess_compared(first, second, keys) if usual is None or usual.each_once else (),
        alike=frozenset(Alike(one) for one in reconciliation.alike),
        each_once=reconciliation.each_once,
        one_way=reconciliation.one_way,
    )


def outcome(reconciliation: Reconciliation, settings: Settings) -> Outcome:
    """What the listings would show when matched in this way. Nothing is kept. Raises ValidationError."""
    first, second = (listing_of(one) for one in both(reconciliation))
    try:
        return comparing.compare(first, second, settings)
    except NoMatch as error:
        raise ValidationError({"keys": str(error)}) from error


@transaction.atomic
def match(reconciliation: Reconciliation, settings: Settings, *, by: User) -> Reconciliation:
    """Match the listings and keep every difference; matched again, explanations of the same differences stay.

    Raises PermissionDenied, WrongStage, ValidationError (`keys`: columns that do not fit).
    """
    reconciliation = _held(reconciliation, by, State.DRAFT, State.OPEN)
    known = _explanations(reconciliation)
    found = outcome(reconciliation, settings)
    _write(reconciliation, settings, found, known)
    record(
        MATCHED,
        by=by,
        engagement=reconciliation.engagement,
        target=reconciliation,
        differences=len(found.differences),
        matched=found.matched,
        keys=reconciliation.keys,
        compared=reconciliation.compared,
        alike=reconciliation.alike,
        listings=_hashes(reconciliation),
    )
    return reconciliation


_Explanations = dict[tuple[object, ...], ListingDifference]


def _explanations(reconciliation: Reconciliation) -> _Explanations:
    """The explained differences by what makes them the same."""
    explained = ListingDifference.objects.filter(reconciliation=reconciliation).exclude(cause__in=["", Cause.WRONG])
    return {
        comparing.Found(
            comparing.Kind(one.kind),
            one.key,
            one.first_row,
            one.second_row,
            one.first,
            one.second,
            tuple(one.unequal),
        ).signature: one
        for one in explained
    }


def _write(
    reconciliation: Reconciliation,
    settings: Settings,
    found: Outcome,
    known: _Explanations,
    *,
    carried: bool = False,
) -> None:
    reconciliation.keys = [list(pair) for pair in settings.keys]
    reconciliation.compared = [list(pair) for pair in settings.compared]
    reconciliation.alike = sorted(settings.alike)
    reconciliation.each_once, reconciliation.one_way = settings.each_once, settings.one_way
    reconciliation.matched, reconciliation.state = found.matched, State.OPEN
    reconciliation.save(update_fields=["keys", "compared", "alike", "each_once", "one_way", "matched", "state"])
    ListingDifference.objects.filter(reconciliation=reconciliation).delete()
    ListingDifference.objects.bulk_create(
        (
            _difference(reconciliation, position, one, known.get(one.signature), carried=carried)
            for position, one in enumerate(found.differences, start=1)
        ),
        batch_size=_CHUNK,
    )


def _difference(
    reconciliation: Reconciliation,
    position: int,
    found: comparing.Found,
    before: ListingDifference | None,
    *,
    carried: bool,
) -> ListingDifference:
    made = ListingDifference(
        engagement_id=reconciliation.engagement_id,
        reconciliation=reconciliation,
        position=position,
        kind=found.kind.value,
        key=found.key,
        first_row=found.first_row,
        second_row=found.second_row,
        first=found.first,
        second=found.second,
        unequal=list(found.unequal),
    )
    if before is not None:
        made.cause, made.explanation, made.evidence_id = before.cause, before.explanation, before.evidence_id
        made.explained_by_id, made.explained_at = before.explained_by_id, before.explained_at
        made.carried = carried or before.carried
    return made


@transaction.atomic
def explain(
    reconciliation: Reconciliation,
    differences: Iterable[int],
    *,
    cause: str,
    explanation: str,
    by: User,
    evidence: EvidenceFile | None = None,
) -> int:
    """Give differences (by key of their row) one explanation, with evidence where there is some; returns how many.

    An empty cause takes the explanation away. Raises PermissionDenied, WrongStage, ValidationError.
    """
    reconciliation = _held(reconciliation, by, State.OPEN)
    chosen = ListingDifference.objects.filter(reconciliation=reconciliation, pk__in=list(differences))
    if cause and cause not in Cause.values:
        raise ValidationError({"cause": "Choose why they differ."})
    if cause and not explanation.strip():
        raise ValidationError({"explanation": "Say in words why they differ: the record needs it."})
    if evidence is not None and evidence.engagement_id != reconciliation.engagement_id:
        raise ValidationError({"evidence": "This file belongs to another engagement."})
    keys = list(chosen.values_list("key", flat=True)[:NAMED_IN_TRAIL])
    count = chosen.update(
        cause=cause,
        explanation=explanation.strip() if cause else "",
        evidence=evidence if cause else None,
        explained_by=by if cause else None,
        explained_at=timezone.now() if cause else None,
        carried=False,
    )
    if not count:
        raise ValidationError("Choose the differences that this explains.")
    record(
        EXPLAINED,
        by=by,
        engagement=reconciliation.engagement,
        target=reconciliation,
        count=count,
        cause=cause,
        explanation=explanation.strip(),
        evidence=evidence.code if evidence else "",
        keys=keys,
    )
    return count


@transaction.atomic
def conclude(reconciliation: Reconciliation, *, conclusion: str, by: User) -> Reconciliation:
    """Every difference is explained: the result becomes an evidence file, and nothing of it changes any more.

    Raises PermissionDenied, WrongStage, ValidationError while a difference is unresolved.
    """
    reconciliation = _held(reconciliation, by, State.OPEN)
    if not conclusion.strip():
        raise ValidationError({"conclusion": "Say what the reconciliation shows about the listing."})
    left = reconciliation.differences.unresolved()
    wrong = left.filter(cause=Cause.WRONG).count()
    if wrong:
        raise ValidationError(
            f"{wrong:,} differences say that a listing is wrong. Have it listed again and redo the reconciliation."
        )
    if number := left.count():
        raise ValidationError(f"{number:,} differences are not explained yet.")
    reconciliation.conclusion = conclusion.strip()
    reconciliation.concluded_by, reconciliation.concluded_at = by, timezone.now()
    first, second = both(reconciliation)
    known = next((one.population for one in (first, second) if one.population is not None), None)
    reconciliation.file = uploads.receive(
        reconciliation.engagement,
        file=io.BytesIO(workbook(reconciliation, (first, second))),
        name=f"{reconciliation.code} v{reconciliation.version} reconciliation.xlsx",
        by=by,
        obtained_by_auditor=True,
        speaks_from=known.covers_from if known else None,
        speaks_to=known.covers_to if known else None,
    )
    reconciliation.state = State.CONCLUDED
    reconciliation.save(update_fields=["state", "conclusion", "concluded_by", "concluded_at", "file"])
    record(
        CONCLUDED,
        by=by,
        engagement=reconciliation.engagement,
        target=reconciliation,
        file=reconciliation.file.code,
        sha256=reconciliation.file.sha256,
    )
    return reconciliation


def newer(one: ReconciledListing) -> Source | None:
    """The newest version of a listing when there is a newer one than was reconciled, else None."""
    if one.population is not None:
        latest = (
            Population.objects.filter(engagement=one.engagement_id, code=one.population.code)
            .exclude(state=Population.State.REFUSED)
            .select_related("file")
            .order_by("-version")[0]
        )
        return Source(one.label, population=latest) if latest.pk != one.population_id else None
    latest_file = one.file
    while (next_file := EvidenceFile.objects.filter(replaces=latest_file).first()) is not None:
        latest_file = next_file
    if latest_file.pk == one.file_id:
        return None
    return Source(one.label, file=latest_file, sheet=one.sheet, encoding=one.encoding)


@transaction.atomic
def redo(reconciliation: Reconciliation, *, by: User) -> Reconciliation:
    """Reconcile the newest versions of both listings, as the next version of the same reconciliation.

    Explanations of the very same differences are carried over, marked so. Where the columns are not there any
    more, the new version waits to be matched. Raises PermissionDenied, WrongStage, ValidationError.
    """
    reconciliation = _held(reconciliation, by, State.OPEN, State.CONCLUDED)
    fresh = [(one, newer(one)) for one in both(reconciliation)]
    if not any(source for _, source in fresh):
        raise ValidationError("Neither listing has a newer version: there is nothing to reconcile anew.")
    first, second = (
        source
        or Source(one.label, population=one.population, file=one.file, sheet=one.sheet, encoding=one.encoding)
        for one, source in fresh
    )
    known, settings = _explanations(reconciliation), settings_of(reconciliation)
    reconciliation.state = State.SUPERSEDED
    reconciliation.save(update_fields=["state"])
    made = Reconciliation(
        engagement=reconciliation.engagement,
        code=reconciliation.code,
        version=reconciliation.version + 1,
        title=reconciliation.title,
        pattern=reconciliation.pattern,
        replaces=reconciliation,
        alike=reconciliation.alike,
        each_once=reconciliation.each_once,
        one_way=reconciliation.one_way,
        begun_by=by,
    )
    _take(made, first, second)
    try:
        found = outcome(made, settings)
    except ValidationError:
        found = None
    if found is not None:
        _write(made, settings, found, known, carried=True)
    record(
        REDONE,
        by=by,
        engagement=made.engagement,
        target=made,
        listings=_hashes(made),
        differences=len(found.differences) if found else None,
    )
    return made


@transaction.atomic
def discard(reconciliation: Reconciliation, *, by: User) -> None:
    """Take away what was begun and never matched. Raises PermissionDenied, WrongStage, ValidationError."""
    reconciliation = _held(reconciliation, by, State.DRAFT)
    if reconciliation.replaces_id is not None:
        raise ValidationError("It takes the place of an earlier version: match it.")
    record(DISCARDED, by=by, engagement=reconciliation.engagement, target=reconciliation)
    reconciliation.delete()


def _held(reconciliation: Reconciliation, by: User, *states: State) -> Reconciliation:
    engagement = locked(reconciliation.engagement)
    require(engagement, by, MAY)
    must_be(engagement, *WORKING)
    held = Reconciliation.objects.select_for_update().get(pk=reconciliation.pk)
    held.engagement = engagement
    if held.state not in states:
        raise WrongStage(f"{held} is {held.get_state_display().lower()}: this cannot be done to it any more.")
    return held


def _hashes(reconciliation: Reconciliation) -> list[str]:
    return [one.sha256 for one in both(reconciliation)]


# --- what is kept


def workbook(reconciliation: Reconciliation, pair: Sequence[ReconciledListing]) -> bytes:
    """The result as a workbook: a sheet with the record, a sheet with every difference and its explanation.

    Cells are written as texts, so that no cell of a listing becomes a formula.
    """
    book = Workbook(write_only=True)
    _sheet(book, "Record", _record_rows(reconciliation, pair))
    _sheet(book, "Differences", _difference_rows(reconciliation, pair))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _sheet(book: Workbook, title: str, rows: Iterable[Sequence[object]]) -> None:
    sheet = book.create_sheet(title)
    for row in rows:
        sheet.append([_text(sheet, value) for value in row])


def _text(sheet: Any, value: object) -> Any:
    if isinstance(value, int):
        return value
    cell = WriteOnlyCell(sheet, value=str(value))
    cell.data_type = "s"
    return cell


def _record_rows(reconciliation: Reconciliation, pair: Sequence[ReconciledListing]) -> Iterable[Sequence[object]]:
    yield ["Field", "First listing", "Second listing"]
    yield ["Reconciliation", str(reconciliation), reconciliation.title]
    yield ["Listing", *(one.label for one in pair)]
    yield ["Source", *(str(one.population or one.file) for one in pair)]
    yield ["File", *(f"{one.file.code} {one.file.name}" for one in pair)]
    yield ["SHA-256 of the listing", *(one.sha256 for one in pair)]
    yield ["Rows", *(one.row_count for one in pair)]
    for name, pairs in (("Key", reconciliation.keys), ("Compared", reconciliation.compared)):
        for columns in pairs:
            yield [name, *columns]
    yield ["Counts as the same", ", ".join(reconciliation.alike) or "nothing but equal cells", ""]
    yield ["Each key once", "yes" if reconciliation.each_once else "no", ""]
    yield ["Only the first must be in the second", "yes" if reconciliation.one_way else "no", ""]
    yield ["Keys in both without a difference", reconciliation.matched, ""]
    yield ["Differences", reconciliation.differences.count(), ""]
    yield ["Conclusion", reconciliation.conclusion, ""]
    yield ["Concluded by", reconciliation.concluded_by or "", f"{reconciliation.concluded_at:%Y-%m-%d %H:%M} UTC"]


def _difference_rows(
    reconciliation: Reconciliation, pair: Sequence[ReconciledListing]
) -> Iterable[Sequence[object]]:
    first, second = (one.label for one in pair)
    yield [
        "No.",
        "Difference",
        "Key",
        f"Row in {first}",
        f"Row in {second}",
        f"Cells of {first}",
        f"Cells of {second}",
        "Unequal",
        "Cause",
        "Explanation",
        "Evidence",
        "Explained by",
        "Explained at (UTC)",
    ]
    differences = reconciliation.differences.select_related("evidence", "explained_by").order_by("position")
    for one in differences.iterator(chunk_size=_CHUNK):
        yield [
            one.position,
            one.get_kind_display(),
            one.key,
            one.first_row or "",
            one.second_row or "",
            _cells(pair[0], one.first),
            _cells(pair[1], one.second),
            ", ".join(one.unequal),
            one.get_cause_display(),
            one.explanation,
            one.evidence.code if one.evidence else "",
            one.explained_by or "",
            f"{one.explained_at:%Y-%m-%d %H:%M}" if one.explained_at else "",
        ]


def _cells(listing: ReconciledListing, cells: dict[str, str]) -> str:
    """The cells shown of a row, in the order of the listing's columns, which JSON of the database does not keep."""
    return "; ".join(f"{name}: {cells[name]}" for name in listing.columns if name in cells)[: listings.MAX_CELL]
