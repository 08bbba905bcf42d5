"""Every rule of the report that guards issuing: a case in which it holds and one in which it does not."""

import datetime as dt
from collections.abc import Callable

import pgtrigger
import pytest
from django.utils import timezone

from engagements.models import Control, Engagement, EngagementMember, Role, SubserviceOrganization
from engagements.register import Severity, findings
from evidence.models import EvidenceFile
from fieldwork.models import Deviation, DeviationCell, SignOff
from reports import consistency, description, opinion
from reports.models import DescriptionSection, Issuance, ManagementStatement, Matter, Opinion, Report
from tests import factories as f
from tests.reports import makers as m

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]
DAY = dt.timedelta(days=1)


def found(engagement: Engagement, step: str = "issue") -> set[str]:
    return {finding.rule for finding in findings(step, Engagement.objects.get(pk=engagement.pk))}


def dated(engagement: Engagement, date: dt.date) -> None:
    Engagement.objects.filter(pk=engagement.pk).update(report_date=date)


def restate(engagement: Engagement) -> None:
    DescriptionSection.objects.filter(engagement=engagement, part="DC5").update(
        body="- **IAM-01**: We grant access."
    )


def unraised(engagement: Engagement) -> None:
    with pgtrigger.ignore():
        DeviationCell.objects.all().delete()


def no_matter(engagement: Engagement) -> None:
    Matter.objects.update(withdrawn_at=timezone.now())


def soften(engagement: Engagement) -> None:
    Opinion.objects.create(
        engagement=engagement,
        limb="operating",
        conclusion="unmodified",
        proposed="qualified",
        reason="x",
        formed_by=engagement.created_by,
    )


def unsigned(kind: str) -> Callable[[Engagement], None]:
    def take_away(engagement: Engagement) -> None:
        ManagementStatement.objects.filter(kind=kind).update(superseded_at=timezone.now())

    return take_away


def edited_after_signing(engagement: Engagement) -> None:
    carla = f.people(engagement)["carla"]
    description.save_section(engagement, "DC1", body="Anew", version=1, by=carla)
    description.complete(engagement, by=carla)


def late_evidence(engagement: Engagement) -> None:
    with pgtrigger.ignore():
        EvidenceFile.objects.update(uploaded_at=timezone.now() + 2 * DAY)


def late_review(engagement: Engagement) -> None:
    with pgtrigger.ignore():
        SignOff.objects.filter(step="reviewed").update(at=timezone.now() + 2 * DAY)


def no_csocs(engagement: Engagement) -> None:
    SubserviceOrganization.objects.create(engagement=engagement, name="Other", services="Mail", method="carve_out")


def new_paragraph(engagement: Engagement) -> None:
    opinion.add_paragraph(
        engagement, kind="emphasis", title="T", text="T", reason="R", by=f.people(engagement)["petra"]
    )


def no_letter(engagement: Engagement) -> None:
    Engagement.objects.filter(pk=engagement.pk).update(letter_on=None)


BROKEN: list[tuple[str, Callable[[Engagement], None]]] = [
    ("R36", restate),
    ("R41", no_csocs),
    ("R47", no_letter),
    ("R48", lambda engagement: Engagement.objects.filter(pk=engagement.pk).update(report_date=None) and None),
    ("R49", edited_after_signing),
    ("R49", unsigned("assertion")),
    ("R50", unsigned("representation")),
    ("R50", lambda engagement: dated(engagement, timezone.localdate() - DAY)),
    ("R51", late_evidence),
    ("R51", late_review),
    ("R52", unsigned("subsequent_events")),
    ("R52", lambda engagement: dated(engagement, timezone.localdate() + 6 * DAY)),
    ("R53", new_paragraph),
    ("R54", lambda engagement: dated(engagement, timezone.localdate() + DAY)),
    ("R54", lambda engagement: dated(engagement, timezone.localdate() - 31 * DAY)),
    ("R56", lambda engagement: dated(engagement, engagement.ends_on + 121 * DAY)),
]


def test_a_finished_engagement_has_nothing_in_its_way() -> None:
    assert found(m.ready().engagement) == set()


@pytest.mark.parametrize(("rule", "break_it"), BROKEN, ids=[f"{rule}-{at}" for at, (rule, _) in enumerate(BROKEN)])
def test_what_is_broken_is_named(rule: str, break_it: Callable[[Engagement], None]) -> None:
    engagement = m.ready().engagement
    break_it(engagement)
    assert rule in found(engagement)


def out_of_scope(engagement: Engagement) -> None:
    Control.objects.filter(engagement=engagement).update(removed_at=timezone.now())


def modified() -> Engagement:
    """A failed criterion, its matter, a qualified limb and an assertion that says so."""
    engagement = m.in_scope()
    m.worked(engagement, deviating=True)
    m.described(engagement)
    opinion.add_matter(
        engagement,
        title="Access without approval",
        cause="operation",
        basis="One of three.",
        limbs=["operating"],
        deviations=list(Deviation.objects.all()),
        criteria=["CC6.2"],
        by=f.people(engagement)["petra"],
    )
    m.concluded(engagement)
    m.sign(engagement, "assertion", modifications="One access was not approved.")
    return engagement


def test_a_modified_opinion_with_matter_and_assertion_passes() -> None:
    assert not found(modified()) & {"R37", "R38", "R39"}


@pytest.mark.parametrize(
    ("rule", "break_it"),
    [
        ("R37", unraised),
        ("R37", out_of_scope),
        ("R38", no_matter),
        ("R38", lambda engagement: m.sign(engagement, "assertion") and None),
        ("R39", soften),
    ],
)
def test_a_modified_opinion_that_does_not_hang_together_is_named(
    rule: str, break_it: Callable[[Engagement], None]
) -> None:
    engagement = modified()
    break_it(engagement)
    assert rule in found(engagement)


def test_a_modified_opinion_needs_a_quality_reviewer() -> None:
    engagement = modified()
    EngagementMember.objects.filter(engagement=engagement, role=Role.QUALITY_REVIEWER).delete()
    texts = [one.text for one in findings("issue", engagement) if one.rule == "R53"]
    assert texts == ["The opinion is modified: name a quality reviewer."]


def test_every_limb_has_to_be_concluded_on() -> None:
    assert "R38" in found(m.in_scope())


def test_what_is_issued_is_not_issued_over() -> None:
    draft = m.ready()
    Issuance.objects.create(
        engagement=draft.engagement,
        draft=Report.objects.get(pk=draft.pk),
        number="X",
        snapshot={},
        content_sha256="0" * 64,
        report_date=timezone.localdate(),
        issued_by=draft.engagement.created_by,
    )
    assert "R57" in found(draft.engagement)


@pytest.mark.parametrize(
    ("line", "restated"),
    [
        ("- **A-1**: Access is approved.", False),
        ("| A-1 | Access is approved. | manual |", False),
        ("A-1 is performed by the owner.", False),
        ("- A-1: We approve access.", True),
        ("| A-1 | We approve access. |", True),
        ("## B-2: Something else", False),
    ],
)
def test_prose_that_states_a_control_anew_is_found(line: str, restated: bool) -> None:
    assert bool(list(consistency.restated(line, {"A-1": "Access is approved."}))) == restated


def test_late_reports_warn_and_everything_else_blocks() -> None:
    engagement = m.ready().engagement
    dated(engagement, engagement.ends_on + 121 * DAY)
    severities = {one.rule: one.severity for one in findings("issue", Engagement.objects.get(pk=engagement.pk))}
    assert severities["R56"] == Severity.WARN
