"""Drawing a sample from an accepted population, and drawing it again to see that it is the same."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import cast

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
from fieldwork.models import Sample, SampleItem, SamplingProfile
from fieldwork.signing import void_if_changed

DRAWN = action("sample.drawn", "drew a sample of {size} for {control} from {population}", firm_only=True)
VOIDED = action("sample.voided", "voided the sample of {control}: {reason}", firm_only=True)

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
    if not population.date_column:
        return []
    order = cast(listings.DateOrder, population.date_order) if population.date_order else None
    return listings.column_dates(listing, population.date_column, order=order)


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
    by: User,
) -> Sample:
    """Draw the sample of a control from an accepted population (R18, R19, R21).

    Without `size` the profile's; without `method` stratified over time where the listing has dates, else
    random. The seed follows from engagement number, control number and population hash, so nobody can draw
    until he likes the result. Raises PermissionDenied, WrongStage, Blocked, ValidationError.
    """
    require(population.engagement, by, "draw_samples")
    engagement = locked(population.engagement)
    must_be(engagement, *TESTING)
    population = Population.objects.select_for_update().select_related("file").get(pk=population.pk)
    if control.engagement_id != engagement.pk:
        raise ValidationError("The control belongs to another engagement.")
    if not population.control_links.filter(control=control).exists():
        raise ValidationError(f"{population} is not a population of {control}. Link it there first.")
    profile = approved_profile(engagement)
    proposal = propose(population, control, risk)
    if population.row_count == 0:
        raise ValidationError(proposal.reason)
    wanted = population.row_count if method == Sample.Method.CENSUS else proposal.size if size is None else size
    if not 1 <= wanted <= population.row_count:
        raise ValidationError(
            {"size": f"Between 1 and {population.row_count:,} items can be drawn from this population."}
        )
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
    if Sample.objects.filter(control=control, population=population, voided_at__isnull=True).exists():
        raise ValidationError(f"The sample of {control} from {population} is drawn. It is never drawn anew.")
    listing = listing_of(population)
    dates = dates_in(population, listing)
    if method and method not in Sample.Method.values:
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
        proposal_reason=proposal.reason,
        smaller_reason=smaller_reason.strip() if wanted < proposal.size else "",
        drawn_by=by,
    )
    key = listing.columns.index(population.key_column)
    SampleItem.objects.bulk_create(
        SampleItem(
            engagement=engagement,
            sample=sample,
            position=position,
            row=row + 1,
            key=listing.rows[row][key][:300],
            values=dict(zip(listing.columns, listing.rows[row], strict=True)),
        )
        for position, row in enumerate(rows, start=1)
    )
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


def _usual_method(size: int, row_count: int, dates: list[dt.date | None]) -> Sample.Method:
    if size == row_count:
        return Sample.Method.CENSUS
    return Sample.Method.STRATIFIED if dates else Sample.Method.RANDOM


def redraw(sample: Sample) -> list[int]:
    """The row numbers (from 1) that the sample's listing and record give when they are drawn again.

    Raises ValidationError when the listing is not the one that was accepted, or when the recorded seed or
    values do not follow from it: then the record was tampered with.
    """
    listing = listing_of(sample.population)
    if sample.population.sha256 != sample.population_sha256:
        raise ValidationError("R19: the sample was drawn from another version of the population.")
    seed = sampling.seed(sample.engagement.number, sample.control.number, sample.population_sha256)
    if seed != sample.seed:
        raise ValidationError("The recorded seed does not follow from engagement, control and population.")
    dates = dates_in(sample.population, listing)
    drawn = sampling.select(
        seed,
        sample.size,
        len(listing.rows),
        dates=dates or None,
        method=cast(sampling.Method, sample.method),
    )
    for item in sample.items.all():
        if item.values != dict(zip(listing.columns, listing.rows[item.row - 1], strict=True)):
            raise ValidationError(f"Item {item.position} differs from row {item.row} of the listing.")
    return [row + 1 for row in drawn]


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
