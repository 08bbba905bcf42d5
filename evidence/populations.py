"""Populations: listings with the record why they can be relied on (IPE), provided, accepted, superseded."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, cast, get_args

from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.models import Control, Engagement
from engagements.register import guard, shared
from engagements.roles import permissions_of, require
from engagements.workflow import WORKING, WrongStage, locked, must_be
from evidence import listings, uploads
from evidence.codes import next_code
from evidence.listings import Listing
from evidence.models import EvidenceFile, EvidenceRequest, Population, PopulationControl
from evidence.occurrences import unusual_silence
from evidence.storage import Altered, keep, opened

PROVIDED = action("population.provided", "provided the population {target}")
ACCEPTED = action("population.accepted", "accepted the population {target}")
REFUSED = action("population.refused", "refused the population {target}: {reason}")
DOWNLOADED = action("population.downloaded", "downloaded the listing of {target}")
READ = action("population.read", "downloaded the listing of {target}", firm_only=True)
SUPERSEDED = action("population.superseded", "superseded the population {target} by a newer version")

State = Population.State
SHOWN_ROWS = 5
# Seconds from one step of providing a listing to the next.
_REMEMBERED = 60 * 60

SupersededHook = Callable[[Population, User], None]
_ON_SUPERSEDED: list[SupersededHook] = []


def on_superseded(hook: SupersededHook) -> SupersededHook:
    """Register what else happens, in the same transaction, when an accepted population is superseded (R19).

    Called as hook(population, by). Samples hang on populations and are known only further right.
    """
    _ON_SUPERSEDED.append(hook)
    return hook


@dataclass(frozen=True)
class Remark:
    """Something a listing shows when held against its record; `kind` is one of REMARKS."""

    kind: str
    text: str
    needs_explanation: bool


@transaction.atomic
def provide(
    engagement: Engagement,
    *,
    name: str,
    controls: Iterable[Control],
    file: EvidenceFile | IO[bytes],
    key_column: str,
    ipe: Mapping[str, Any],
    by: User,
    file_name: str = "",
    date_column: str = "",
    date_order: str = "",
    sheet: str = "",
    encoding: str = "",
    request: EvidenceRequest | None = None,
    replaces: Population | None = None,
    continues: Population | None = None,
) -> Population:
    """Give a listing of all occurrences with its record of where it comes from.

    `file` is a file received already, or a binary file with its `file_name`, which is received first (for
    `request` when given). `ipe` holds the fields of the record by their names in the model: ipe_type,
    source_system, query, run_by, run_at, system_row_count, covers_from, covers_to, and optionally environment,
    parameters, observed, reconciliation, reconciled_row_count, difference_explained.
    `replaces` makes it the next version. A version that was not accepted is superseded at once; an accepted one
    stands, with its samples, until this one is accepted. `continues` makes it the rollforward of another one:
    the listing of the days after those that it covers (R20).
    Raises PermissionDenied, WrongStage, ValidationError by field (`file`: what cannot be read, by row and column).
    """
    engagement = locked(engagement)
    require(engagement, by, "provide_populations")
    must_be(engagement, *WORKING)
    wanted = list(controls)
    if ipe.get("observed") and "accept_populations" not in permissions_of(by, engagement):
        raise PermissionDenied("Only the auditor records that the auditor watched it run.")
    known_as = file.name if isinstance(file, EvidenceFile) else file_name
    listing = read(engagement, file, name=file_name, sheet=sheet, encoding=encoding)
    made = Population(
        engagement=engagement,
        name=name.strip(),
        sha256=listings.digest(listing),
        columns=list(listing.columns),
        key_column=key_column,
        date_column=date_column,
        date_order=date_order,
        sheet=sheet,
        encoding=encoding,
        row_count=len(listing.rows),
        provided_by=by,
        **ipe,
    )
    _number(made, replaces)
    made.continues = _continued(made, continues or (replaces.continues if replaces else None))
    _check(made, wanted, listing)
    if not isinstance(file, EvidenceFile):
        file = uploads.receive(
            request or engagement,
            file=file,
            name=known_as,
            by=by,
            speaks_from=made.covers_from,
            speaks_to=made.covers_to,
            obtained_by_auditor=uploads.of_firm(engagement, by),
            encoding=encoding,
        )
    made.file = file
    made.save()
    keep(engagement.pk, io.BytesIO(listings.canonical(listing)))
    PopulationControl.objects.bulk_create(
        PopulationControl(engagement=engagement, population=made, control=control) for control in wanted
    )
    if replaces is not None and replaces.state != State.ACCEPTED:
        _supersede(replaces, by)
    record(PROVIDED, by=by, engagement=engagement, target=made, rows=made.row_count, sha256=made.sha256)
    return made


def read(
    engagement: Engagement, file: EvidenceFile | IO[bytes], *, name: str = "", sheet: str = "", encoding: str = ""
) -> Listing:
    """The listing in a file before it is provided, to choose its columns. Raises ValidationError on `file`."""
    content, known_as = _content_of(engagement, file, name)
    if not isinstance(file, EvidenceFile):
        return _listing(content, known_as, sheet=sheet, encoding=encoding)
    if kept := cache.get(_place(file, sheet, encoding)):
        with suppress(Altered), opened(engagement.pk, kept) as canonical:
            return listings.from_canonical(canonical.read())
    listing = _listing(content, known_as, sheet=sheet, encoding=encoding)
    remember(file, listing, sheet=sheet, encoding=encoding)
    return listing


def remember(file: EvidenceFile, listing: Listing, *, sheet: str = "", encoding: str = "") -> None:
    """Keep what was read in a file for the next steps: a large workbook takes long, its canonical form does not."""
    sha256, _ = keep(file.engagement_id, io.BytesIO(listings.canonical(listing)))
    cache.set(_place(file, sheet, encoding), sha256, _REMEMBERED)


def _place(file: EvidenceFile, sheet: str, encoding: str) -> str:
    how = hashlib.sha256(f"{sheet}/{encoding}".encode()).hexdigest()
    return f"listing:{file.pk}:{file.sha256}:{how}"


def _content_of(engagement: Engagement, file: EvidenceFile | IO[bytes], name: str) -> tuple[IO[bytes], str]:
    if not isinstance(file, EvidenceFile):
        return file, name
    if file.engagement_id != engagement.pk:
        raise ValidationError({"file": "This file belongs to another engagement."})
    return uploads.verified(file), file.name


def _listing(content: IO[bytes], name: str, *, sheet: str, encoding: str) -> Listing:
    if encoding and encoding not in get_args(listings.Encoding):
        raise ValidationError({"encoding": f"{encoding[:20]} is no encoding that is read here."})
    try:
        return listings.read(
            content, name, sheet=sheet or None, encoding=cast(listings.Encoding, encoding) if encoding else None
        )
    except listings.ListingError as error:
        raise ValidationError({"file": error.messages}) from error


def _number(made: Population, replaces: Population | None) -> None:
    """Code and version; the version it replaces must be the newest of its code."""
    if replaces is None:
        made.code = next_code(Population.objects.filter(engagement=made.engagement), "POP")
        return
    if replaces.engagement_id != made.engagement_id:
        raise ValidationError("A population of another engagement cannot be replaced here.")
    replaces.refresh_from_db()
    if Population.objects.filter(replaces=replaces).exists() or replaces.state == State.SUPERSEDED:
        raise ValidationError(f"{replaces} has a newer version already. Replace that one.")
    made.code, made.version, made.replaces = replaces.code, replaces.version + 1, replaces


def _continued(made: Population, before: Population | None) -> Population | None:
    """The population that this one rolls forward; it covers the days from the one after its last on."""
    if before is None:
        return None
    if before.engagement_id != made.engagement_id:
        raise ValidationError("A population of another engagement cannot be rolled forward here.")
    if made.covers_from > before.covers_to + dt.timedelta(days=1):
        raise ValidationError(
            {"covers_from": f"{before} covers days to {_day(before.covers_to)}: no day may be left out after it."}
        )
    return before


def _check(made: Population, controls: list[Control], listing: Listing) -> None:
    """Everything wrong with the record and its listing, by field."""
    problems: dict[str, list[str]] = {}
    try:
        made.full_clean(
            exclude=["engagement", "file", "provided_by", "replaces", "continues"], validate_constraints=False
        )
    except ValidationError as error:
        problems.update(error.message_dict)
    if not controls:
        problems["controls"] = ["Say which control this is the population of."]
    elif any(control.engagement_id != made.engagement_id for control in controls):
        problems["controls"] = ["A control of another engagement cannot be chosen here."]
    if "key_column" not in problems and (wrong := _key_problems(made, listing)):
        problems["key_column"] = wrong
    if "date_column" not in problems and (wrong := _date_problems(made, listing)):
        problems["date_column"] = wrong
    if not problems:
        problems.update(_record_problems(made))
    if problems:
        raise ValidationError(problems)


def _key_problems(made: Population, listing: Listing) -> list[str]:
    key = made.key_column
    if key not in listing.columns:
        return [f"The listing has no column {key!r}. It has: {', '.join(listing.columns)}."]
    empty = [number for number, cell in enumerate(listing.column(key), start=2) if not cell]
    problems = [f"Row {number}, column {key!r}: empty. The key must name every row." for number in empty]
    problems += [
        f"Rows {', '.join(map(str, twice.rows))}, column {key!r}: {twice.value!r} stands there more than once."
        for twice in listings.duplicates(listing, key)
    ]
    return _first(problems)


def _date_problems(made: Population, listing: Listing) -> list[str]:
    if not made.date_column:
        return []
    if made.date_column not in listing.columns:
        return [f"The listing has no column {made.date_column!r}."]
    try:
        listings.column_dates(listing, made.date_column, order=_order(made))
    except listings.ListingError as error:
        return error.messages
    return []


def _record_problems(made: Population) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    if made.covers_from > made.covers_to:
        problems["covers_to"] = ["The last day covered lies before the first."]
    if made.run_at > timezone.now():
        problems["run_at"] = ["The listing cannot have been run in the future."]
    elif made.covers_to > made.run_at.date():
        problems["covers_to"] = ["A listing cannot cover days after the one on which it was run."]
    if made.row_count == 0 and made.system_row_count > 0:
        problems["system_row_count"] = [
            f"The system counts {made.system_row_count:,} rows and the file holds none. Export the listing again."
        ]
    return problems


def _order(population: Population) -> listings.DateOrder | None:
    return cast(listings.DateOrder, population.date_order) if population.date_order else None


def _first(problems: list[str], most: int = listings.MAX_PROBLEMS) -> list[str]:
    more = len(problems) - most
    return problems[:most] + ([f"... and {more:,} more of this kind."] if more > 0 else [])


def rows(population: Population) -> Listing:
    """The listing as it was provided, from its canonical form, whose hash is checked. Raises `storage.Altered`."""
    with opened(population.engagement_id, population.sha256) as file:
        return listings.from_canonical(file.read())


def newer_than(population: Population) -> Population | None:
    """The later version that stands in its place, or waits to be evaluated; none that was refused."""
    later = Population.objects.filter(
        engagement=population.engagement_id,
        code=population.code,
        version__gt=population.version,
        state__in=[State.PROVIDED, State.ACCEPTED],
    )
    return later.select_related("provided_by").order_by("-version").first()


@transaction.atomic
def download(population: Population, *, by: User) -> bytes:
    """The listing in its canonical form; who took it is on record, or does not get it. Raises `storage.Altered`."""
    content = listings.canonical(rows(population))
    what = READ if uploads.of_firm(population.engagement, by) else DOWNLOADED
    record(what, by=by, engagement=population.engagement, target=population, sha256=population.sha256)
    return content


def remarks(population: Population, listing: Listing | None = None) -> list[Remark]:
    """What the listing shows when it is held against its record (domain 3.2, R20).

    Those that need an explanation keep the population from being accepted without one.
    """
    listing = listing or rows(population)
    found = [
        *_count_remarks(population),
        *coverage_remarks(population),
        *early_remarks(population),
        *_date_remarks(population, listing),
    ]
    gaps = listings.sequence_gaps(listing, population.key_column)
    if gaps:
        shown = ", ".join(gaps[:10]) + (f" and {len(gaps) - 10} more" if len(gaps) > 10 else "")
        found.append(
            Remark("gaps", f"The numbers in {population.key_column!r} do not run through: {shown} missing.", False)
        )
    return found


def _count_remarks(population: Population) -> Iterable[Remark]:
    if population.row_count != population.system_row_count:
        yield Remark(
            "count",
            f"The file holds {population.row_count:,} rows, the system counts {population.system_row_count:,}.",
            True,
        )
    second = population.reconciled_row_count
    if second is not None and second != population.row_count:
        yield Remark(
            "reconciliation",
            f"The file holds {population.row_count:,} rows, the source it was reconciled with {second:,}.",
            True,
        )


def coverage_remarks(population: Population) -> Iterable[Remark]:
    """Where the days it covers fall short of the examination's (R20)."""
    engagement = population.engagement
    first_day = population.covers_from
    before = population.continues
    while before is not None:
        first_day, before = min(first_day, before.covers_from), before.continues
    if first_day > engagement.starts_on:
        yield Remark(
            "coverage",
            f"It covers days from {_day(first_day)}; the examination begins {_day(engagement.starts_on)}.",
            True,
        )
    if population.covers_to < engagement.ends_on:
        yield Remark(
            "coverage",
            f"It covers days to {_day(population.covers_to)}; the examination ends {_day(engagement.ends_on)}. "
            "A later listing for the rest may be needed.",
            True,
        )


@shared
def dated_listings(engagement: Engagement) -> list[PopulationControl]:
    """The accepted listings that have dates, with the control in scope that each is of, by control and code."""
    return _dated(engagement)


def dated_listings_of(control: Control) -> list[Population]:
    """Those of one control."""
    return [link.population for link in _dated(control.engagement, control=control)]


def _dated(engagement: Engagement, **of: Control) -> list[PopulationControl]:
    links = list(
        PopulationControl.objects.filter(
            engagement=engagement,
            population__state=Population.State.ACCEPTED,
            control__removed_at__isnull=True,
            **of,
        )
        .exclude(population__date_column="")
        .select_related("population", "control")
        .order_by("control__number", "population__code")
    )
    for link in links:
        link.population.engagement = engagement
    return links


def pulled_early(population: Population) -> bool:
    """Whether events were listed before the period had ended: more may have happened since (R20)."""
    engagement = population.engagement
    return engagement.is_type_2 and population.lists_events and population.run_at.date() <= engagement.ends_on


def early_remarks(population: Population) -> Iterable[Remark]:
    """Events listed before the period had ended need a rollforward; what there is, is captured within it."""
    engagement, day = population.engagement, population.run_at.date()
    if (
        engagement.is_type_2
        and not population.lists_events
        and not engagement.starts_on <= day <= engagement.ends_on
    ):
        yield Remark(
            "captured",
            f"It lists what there was on {_day(day)}, outside of the period. Configuration is captured within the "
            "period, with the history of its changes for the rest.",
            False,
        )
    if pulled_early(population):
        yield Remark(
            "early",
            f"It was run on {_day(population.run_at.date())}, before the period had ended. Events are complete "
            "only after that: a rollforward will be needed for the rest.",
            False,
        )


def dates_of(population: Population, listing: Listing) -> list[dt.date | None]:
    """The dates of its date column, one per row; empty when it names no such column."""
    if not population.date_column:
        return []
    return listings.column_dates(listing, population.date_column, order=_order(population))


def _date_remarks(population: Population, listing: Listing) -> Iterable[Remark]:
    if not population.date_column:
        return
    dates = dates_of(population, listing)
    outside = [
        f"row {number} ({_day(day)})"
        for number, day in enumerate(dates, start=2)
        if day is not None and not population.covers_from <= day <= population.covers_to
    ]
    if outside:
        shown = ", ".join(outside[:SHOWN_ROWS])
        more = f" and {len(outside) - SHOWN_ROWS:,} more" if len(outside) > SHOWN_ROWS else ""
        yield Remark("outside", f"Dates outside of what the listing covers: {shown}{more}.", True)
    undated = sum(day is None for day in dates)
    if undated:
        yield Remark("undated", f"{undated:,} of {len(dates):,} rows have no date.", False)
    known = [day for day in dates if day is not None]
    silence = unusual_silence(known, population.covers_from, population.covers_to)
    if silence is not None:
        length = (silence.end - silence.start).days + 1
        when = f"from {_day(silence.start)} to {_day(silence.end)} ({length} days)"
        if length == 1:
            when = f"on {_day(silence.start)}"
        yield Remark(
            "silence",
            f"No occurrence {when}, longer than chance would have it. Was everything listed?",
            False,
        )


def _day(day: Any) -> str:
    return f"{day.day} {day:%b %Y}"


@transaction.atomic
def accept(
    population: Population,
    *,
    conclusion: str,
    precision_adequate: bool,
    by: User,
    observed: bool | None = None,
    difference_explained: str | None = None,
) -> Population:
    """The auditor concludes that the listing is complete and accurate enough; it is frozen by that (R18, R19).

    `observed` and `difference_explained` may complete the record, with what the auditor saw. An older accepted
    version is superseded, and its samples are void. Accepting what is accepted changes nothing.
    Raises PermissionDenied, WrongStage, Blocked (R20), `storage.Altered`, ValidationError when remarks are
    unexplained, the conclusion is empty or the precision is not adequate.
    """
    population = held(population)
    require(population.engagement, by, "accept_populations")
    if population.state == State.ACCEPTED:
        return population
    must_be_provided(population, "accepted")
    if population.provided_by_id == by.pk:
        raise ValidationError("Whoever provided a listing does not accept it: another member of the team does.")
    if observed is not None:
        population.observed = observed
    if difference_explained is not None:
        population.difference_explained = difference_explained.strip()
    if not conclusion.strip():
        raise ValidationError({"conclusion": "Say why the listing is complete and accurate: the record needs it."})
    if not precision_adequate:
        raise ValidationError(
            {"precision_adequate": "A listing that is not precise enough for the test is refused, not accepted."}
        )
    _check_acceptable(population)
    guard("accept_population", population)
    population.state, population.conclusion, population.precision_adequate = (
        State.ACCEPTED,
        conclusion.strip(),
        True,
    )
    population.decided_by, population.decided_at = by, timezone.now()
    population.save(
        update_fields=[
            "state",
            "conclusion",
            "precision_adequate",
            "observed",
            "difference_explained",
            "decided_by",
            "decided_at",
        ]
    )
    for older in Population.objects.filter(
        engagement=population.engagement, code=population.code, version__lt=population.version
    ).current():
        _supersede(older, by)
    record(ACCEPTED, by=by, engagement=population.engagement, target=population, sha256=population.sha256)
    return population


def _check_acceptable(population: Population) -> None:
    listing = rows(population)
    wrong = _key_problems(population, listing) + _date_problems(population, listing)
    if len(listing.rows) != population.row_count:
        wrong.append(f"The record says {population.row_count:,} rows, the listing holds {len(listing.rows):,}.")
    if wrong:
        raise ValidationError(wrong)
    unexplained = [
        remark.text
        for remark in remarks(population, listing)
        if remark.needs_explanation and remark.kind != "coverage"  # that is R20's
    ]
    if unexplained and not population.difference_explained:
        raise ValidationError(
            {"difference_explained": [f"{text} Explain this, or refuse." for text in unexplained]}
        )


@transaction.atomic
def refuse(population: Population, *, reason: str, by: User) -> Population:
    """The listing cannot be relied on; the client reads why.

    Raises PermissionDenied, WrongStage, ValidationError without a reason.
    """
    population = held(population)
    require(population.engagement, by, "accept_populations")
    must_be_provided(population, "refused")
    if not reason.strip():
        raise ValidationError({"reason": "Say what is missing or wrong: the client reads it."})
    population.state, population.refusal = State.REFUSED, reason.strip()
    population.decided_by, population.decided_at = by, timezone.now()
    population.save(update_fields=["state", "refusal", "decided_by", "decided_at"])
    record(REFUSED, by=by, engagement=population.engagement, target=population, reason=population.refusal)
    return population


def held(population: Population) -> Population:
    """The population as it stands, its engagement locked and worked on. Raises WrongStage."""
    engagement = locked(population.engagement)
    must_be(engagement, *WORKING)
    held = Population.objects.select_for_update().get(pk=population.pk)
    held.engagement = engagement
    return held


def must_be_provided(population: Population, act: str) -> None:
    """Raise WrongStage for one that was decided on."""
    if population.state != State.PROVIDED:
        raise WrongStage(f"{population} is {population.get_state_display().lower()} and cannot be {act}.")


def _supersede(population: Population, by: User) -> None:
    was_accepted = population.state == State.ACCEPTED
    population.state = State.SUPERSEDED
    population.save(update_fields=["state"])
    if was_accepted:
        for hook in _ON_SUPERSEDED:
            hook(population, by)
    record(SUPERSEDED, by=by, engagement=population.engagement, target=population)
