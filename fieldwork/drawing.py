"""Drawing a sample from an accepted population, and drawing it again to see that it is the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.models import Control, Engagement, Stage
from engagements.register import guard
from engagements.roles import permissions_of, require
from engagements.workflow import locked, must_be
from evidence import listings, populations
from evidence.models import Population
from evidence.storage import Altered
from fieldwork import sampling
from fieldwork.models import Sample, SampleExpansion, SampleItem, SamplingProfile
from fieldwork.signing import void_if_changed

CHOSEN = action("sample.chosen", "chose {size} items for {control} from {population}", firm_only=True)
DRAWN = action("sample.drawn", "drew a sample of {size} for {control} from {population}", firm_only=True)
TAKEN = action("sample.record_taken", "downloaded the record of the sample of {control}", firm_only=True)
VOIDED = action("sample.voided", "voided the sample of {control}: {reason}", firm_only=True)

# So many can be chosen with a reason; whoever wants more draws a sample.
MOST_CHOSEN = 100
TESTING = (Stage.OBSERVATION, Stage.FIELDWORK, Stage.REPORTING)


@dataclass(frozen=True)
class Draw:
    """What is about to be drawn: the subject of the rules that guard it."""

    engagement: Engagement
    control: Control
    population: Population
    size: int
    proposed: int
    smaller_reason: str
    may_go_below: bool


def listing_of(population: Population) -> listings.Listing:
    """The listing of a population as it was provided, its hash checked (R19).

    Raises ValidationError when the stored listing is no longer what was accepted.
    """
    try:
        return populations.rows(population)
    except Altered as altered:
        raise ValidationError(f"R19: nothing can be drawn from {population}. {altered}") from altered


def dates_in(population: Population, listing: listings.Listing) -> list[dt.date | None]:
    """The dates of the population's date column, one per row; empty when it names no such column."""
    return populations.dates_of(population, listing)


def approved_profile(engagement: Engagement) -> SamplingProfile:
    """The profile of the engagement's firm. Raises ValidationError when the firm has approved none."""
    profile = SamplingProfile.objects.approved_for(engagement.firm)
    if profile is None:
        raise ValidationError(
            "The firm has not approved a sampling profile. An administrator of the firm does it under "
            "Sampling profile; sizes are firm policy."
        )
    return profile


def propose(population: Population, control: Control, risk: str = Sample.Risk.NORMAL) -> sampling.Proposal:
    """The size the firm's profile asks for, with the reason. Raises ValidationError without a profile."""
    if risk not in Sample.Risk.values:
        raise ValidationError({"risk": "The risk is low, normal or high."})
    profile = approved_profile(population.engagement)
    return sampling.propose_size(profile.sizes, control.frequency, population.row_count, cast(sampling.Risk, risk))


@transaction.atomic
def draw(
    population: Population,
    control: Control,
    risk: str = Sample.Risk.NORMAL,
    *,
    method: str = "",
    size: int | None = None,
    smaller_reason: str = "",
    expected_deviations: int = 0,
    by: User,
) -> Sample:
    """Draw the sample of a control from an accepted population (R18, R19, R21).

    Without `size` the profile's; without `method` stratified over time where the listing has dates, else
    random. `expected_deviations` is what was planned with: more than that found, and the sample does not
    carry what it was planned to. The seed follows from engagement number, control number and population hash,
    so nobody can draw until he likes the result. Raises PermissionDenied, WrongStage, Blocked, ValidationError.
    """
    engagement, population = _held(population, control, by)
    profile = approved_profile(engagement)
    proposal = propose(population, control, risk)
    if population.row_count == 0:
        raise ValidationError(proposal.reason)
    wanted = population.row_count if method == Sample.Method.CENSUS else proposal.size if size is None else size
    if not 1 <= wanted <= population.row_count:
        raise ValidationError(
            {"size": f"Between 1 and {population.row_count:,} items can be drawn from this population."}
        )
    if not 0 <= expected_deviations <= wanted:
        raise ValidationError({"expected_deviations": f"Between 0 and the {wanted:,} items tested."})
    guard(
        "draw",
        Draw(
            engagement,
            control,
            population,
            wanted,
            proposal.size,
            smaller_reason.strip(),
            "approve_samples" in permissions_of(by, engagement),
        ),
    )
    if Sample.objects.drawn().filter(control=control, population=population).exists():
        raise ValidationError(f"The sample of {control} from {population} is drawn. It is never drawn anew.")
    listing = listing_of(population)
    dates = dates_in(population, listing)
    if method and method not in _BY_SEED:
        raise ValidationError({"method": "Stratified, random, systematic or all items."})
    chosen = Sample.Method(method) if method else _usual_method(wanted, population.row_count, dates)
    if chosen == Sample.Method.STRATIFIED and not dates:
        raise ValidationError({"method": "The population names no date column: draw at random instead."})
    seed = sampling.seed(engagement.number, control.number, population.sha256)
    rows = sampling.select(
        seed, wanted, population.row_count, dates=dates or None, method=cast(sampling.Method, chosen.value)
    )
    sample = Sample.objects.create(
        engagement=engagement,
        control=control,
        population=population,
        profile=profile,
        risk=risk,
        method=chosen,
        seed=seed,
        population_sha256=population.sha256,
        proposed_size=proposal.size,
        size=wanted,
        proposal_reason=_why(proposal, wanted),
        smaller_reason=smaller_reason.strip() if wanted < proposal.size else "",
        expected_deviations=expected_deviations,
        drawn_by=by,
    )
    put_items(sample, listing, rows)
    record(
        DRAWN,
        by=by,
        engagement=engagement,
        target=sample,
        size=wanted,
        control=control.number,
        population=str(population),
        seed=seed,
        rows=[row + 1 for row in rows],
    )
    return sample


def _why(proposal: sampling.Proposal, wanted: int) -> str:
    """What the profile asks for; and what was drawn, where that is something else."""
    return proposal.reason if wanted == proposal.size else f"{proposal.reason} {wanted:,} were drawn."


_BY_SEED = [method.value for method in Sample.Method if method != Sample.Method.TARGETED]


@transaction.atomic
def choose(
    population: Population,
    control: Control,
    rows: Mapping[int, str],
    *,
    reason: str,
    by: User,
) -> Sample:
    """Take the rows (numbered from 1) that the auditor wants to look at: a targeted sample (domain 3.3).

    `reason` says why these, each row may add its own. It stands beside a drawn sample and never in its place:
    nothing is projected from it. Raises PermissionDenied, WrongStage, Blocked (R18), ValidationError.
    """
    engagement, population = _held(population, control, by)
    if not reason.strip():
        raise ValidationError({"reason": "Say why these items: a targeted selection rests on its reason."})
    outside = [row for row in rows if not 1 <= row <= population.row_count]
    if outside or not rows:
        raise ValidationError({"rows": f"Choose rows of the listing, from 1 to {population.row_count:,}."})
    if len(rows) > MOST_CHOSEN:
        raise ValidationError({"rows": f"{len(rows):,} items are more than {MOST_CHOSEN}: draw a sample instead."})
    guard("draw", Draw(engagement, control, population, len(rows), 0, "", may_go_below=True))
    listing = listing_of(population)
    sample = Sample.objects.create(
        engagement=engagement,
        control=control,
        population=population,
        method=Sample.Method.TARGETED,
        population_sha256=population.sha256,
        size=len(rows),
        proposal_reason=reason.strip(),
        drawn_by=by,
    )
    chosen = sorted(rows)
    put_items(sample, listing, [row - 1 for row in chosen], [rows[row].strip() for row in chosen])
    record(
        CHOSEN,
        by=by,
        engagement=engagement,
        target=sample,
        size=len(rows),
        control=control.number,
        population=str(population),
        reason=reason.strip(),
        rows=chosen,
    )
    return sample


def _held(population: Population, control: Control, by: User) -> tuple[Engagement, Population]:
    """Engagement and population, locked, open for drawing a sample of the control."""
    engagement = locked(population.engagement)
    require(engagement, by, "draw_samples")
    must_be(engagement, *TESTING)
    population = Population.objects.select_for_update(of=("self",)).select_related("file").get(pk=population.pk)
    population.engagement = engagement
    if control.engagement_id != engagement.pk:
        raise ValidationError("The control belongs to another engagement.")
    if not population.control_links.filter(control=control).exists():
        raise ValidationError(f"{population} is not a population of {control}. Link it there first.")
    return engagement, population


def put_items(
    sample: Sample,
    listing: listings.Listing,
    rows: Sequence[int],
    reasons: Sequence[str] | None = None,
    *,
    after: int = 0,
    expansion: SampleExpansion | None = None,
) -> None:
    """Keep the rows (indices from 0) as items behind the first `after`, with their values as they stand."""
    key = listing.columns.index(sample.population.key_column)
    SampleItem.objects.bulk_create(
        (
            SampleItem(
                engagement=sample.engagement,
                sample=sample,
                expansion=expansion,
                position=after + position,
                row=row + 1,
                key=listing.rows[row][key][:300],
                values=dict(zip(listing.columns, listing.rows[row], strict=True)),
                reason=reasons[position - 1][:300] if reasons else "",
            )
            for position, row in enumerate(rows, start=1)
        ),
        batch_size=1_000,
    )


def _usual_method(size: int, row_count: int, dates: list[dt.date | None]) -> Sample.Method:
    if size == row_count:
        return Sample.Method.CENSUS
    return Sample.Method.STRATIFIED if dates else Sample.Method.RANDOM


def redraw(sample: Sample) -> list[int]:
    """The row numbers (from 1) that the sample's listing and record give when they are drawn again.

    Of a targeted sample, which nobody drew, it is what was chosen: its rows are compared with the listing.
    Raises ValidationError when the listing is not the one that was accepted, or when the recorded seed or
    values do not follow from it: then the record was tampered with.
    """
    listing = listing_of(sample.population)
    if sample.population.sha256 != sample.population_sha256:
        raise ValidationError("R19: the sample was drawn from another version of the population.")
    items = list(sample.items.all())
    if sample.is_targeted:
        if len(items) != sample.total or any(item.row > len(listing.rows) for item in items):
            raise ValidationError("The items on record are not as many as were chosen, or not of the listing.")
        drawn = [item.row - 1 for item in items]
    else:
        drawn = _drawn_again(sample, listing)
    for item in items:
        if item.values != dict(zip(listing.columns, listing.rows[item.row - 1], strict=True)):
            raise ValidationError(f"Item {item.position} differs from row {item.row} of the listing.")
    return [row + 1 for row in drawn]


def _drawn_again(sample: Sample, listing: listings.Listing) -> list[int]:
    seed = sampling.seed(sample.engagement.number, sample.control.number, sample.population_sha256)
    if seed != sample.seed:
        raise ValidationError("The recorded seed does not follow from engagement, control and population.")
    dates = dates_in(sample.population, listing)
    drawn = sampling.select(
        seed, sample.size, len(listing.rows), dates=dates or None, method=cast(sampling.Method, sample.method)
    )
    for expansion in sample.expansions.all():
        drawn += sampling.further(seed, drawn, expansion.size, len(listing.rows))
    return drawn


@transaction.atomic
def take_record(sample: Sample, *, by: User) -> dict[str, Any]:
    """What an outsider needs beside the listing to draw it again with `redraw.py`; who took it is on record."""
    population = sample.population
    record(TAKEN, by=by, engagement=sample.engagement, target=sample, control=sample.control.number)
    return {
        "engagement": sample.engagement.number,
        "control": sample.control.number,
        "population": str(population),
        "population_sha256": sample.population_sha256,
        "population_rows": population.row_count,
        "key_column": population.key_column,
        "method": sample.method,
        "size": sample.size,
        "further": [expansion.size for expansion in sample.expansions.all()],
        "seed": sample.seed,
        "date_column": population.date_column,
        "date_order": population.date_order,
        "rows": [item.row for item in sample.items.all()],
        "keys": [item.key for item in sample.items.all()],
    }


@dataclass(frozen=True)
class Comparison:
    """The outcome of drawing again: the rows then and now, or why they cannot be drawn."""

    recorded: list[int]
    drawn: list[int]
    problem: str = ""

    @property
    def equal(self) -> bool:
        return not self.problem and self.recorded == self.drawn


def compare(sample: Sample) -> Comparison:
    """Draw the sample again and set it beside the record."""
    recorded = list(sample.items.order_by("position").values_list("row", flat=True))
    try:
        return Comparison(recorded, redraw(sample))
    except ValidationError as refusal:
        return Comparison(recorded, [], " ".join(refusal.messages))


@transaction.atomic
def void(sample: Sample, *, reason: str, by: User) -> Sample:
    """Void a sample because its population is not the right one any more; the items stay on record (R19).

    Only a superseded population voids a sample: otherwise a sample nobody likes could be drawn anew.
    """
    engagement = locked(sample.engagement)
    sample = Sample.objects.select_for_update().select_related("population", "control").get(pk=sample.pk)
    if sample.voided_at is not None:
        return sample
    if sample.population.state != Population.State.SUPERSEDED:
        raise ValidationError("A sample is void only when its population is replaced by a new version.")
    sample.voided_at, sample.voided_reason = timezone.now(), reason[:200]
    sample.save(update_fields=["voided_at", "voided_reason"])
    record(VOIDED, by=by, engagement=engagement, target=sample, control=sample.control.number, reason=reason[:200])
    for test in sample.tests.all():
        void_if_changed(test, reason=f"its sample was voided: {reason}", by=by)
    return sample


@populations.on_superseded
def void_samples_of(population: Population, by: User) -> None:
    """Void every living sample of a population that a newer version replaces, in the same transaction."""
    for sample in Sample.objects.filter(population=population, voided_at__isnull=True):
        void(sample, reason=f"{population} was replaced by a newer version", by=by)
