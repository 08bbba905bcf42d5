"""Exceptions of several sheets with one cause: evaluated and concluded once, reported together with their tests."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse

from audit.models import Event
from engagements.models import ControlCriterion, Stage
from engagements.workflow import WrongStage
from fieldwork import deviations, regrouping
from fieldwork.evaluation import Effect, Proposal, gravest
from fieldwork.models import Deviation, FailedCriterion, Regrouping
from fieldwork.proposing import proposed
from reports import arrangement, snapshot
from reports.book import book_of
from tests import factories as f
from tests.fieldwork import makers as m
from tests.remembered import remembered

pytestmark = pytest.mark.django_db

REASON = "The leaver form of the one reached neither team."
WORDS = {
    "cause": "The form was not sent.",
    "type": "systematic",
    "extent": "Two controls.",
    "evaluation": "Neither control was told.",
}


@pytest.fixture
@remembered
def pair() -> tuple[Deviation, Deviation]:
    """Leavers keep their accounts (CC6.2, CC6.3), and their badges (CC6.4)."""
    engagement = m.at_fieldwork()
    found = []
    for number, criteria in (("IAM-06", ("CC6.2", "CC6.3")), ("PHY-02", ("CC6.4",))):
        test = m.planned(engagement, m.control(engagement, number, criteria=criteria))
        found.append(m.raised(test, m.worked(test, deviating=[(1, "B")])))
    return found[0], found[1]


def joined(pair: tuple[Deviation, Deviation]) -> list[Deviation]:
    regrouping.join(pair[1], pair[0], reason=REASON, by=f.person("milan"))
    return list(Deviation.objects.of_one_cause(pair[0]))


def evaluated(one: Deviation, criteria: tuple[str, ...] = ("CC6.2", "CC6.4")) -> None:
    deviations.evaluate(one, **WORDS, effect="criterion_failed", failed_criteria=criteria, by=f.person("milan"))


def test_they_are_evaluated_and_concluded_once(pair: tuple[Deviation, Deviation]) -> None:
    m.evaluated(pair[0])
    first, second = joined(pair)
    assert (first.state, first.cause_shared_with, second.cause_shared_with) == ("raised", None, first)
    evaluated(second)
    assert set(Deviation.objects.values_list("state", "cause")) == {("evaluated", "The form was not sent.")}
    assert list(FailedCriterion.objects.values_list("deviation__code", "criterion_id").order_by("pk")) == [
        ("EX-01", "CC6.2"),
        ("EX-02", "CC6.4"),
    ]
    deviations.conclude(first, by=f.person("petra"))
    assert set(Deviation.objects.values_list("state", "concluded_by__name")) == {("concluded", "Petra Alder")}
    assert Event.objects.filter(action="exception.concluded").count() == 2
    kept = Regrouping.objects.get()
    assert (kept.kind, kept.before[1]["state"]) == ("joined", "evaluated")


def test_each_needs_a_criterion_of_its_own(pair: tuple[Deviation, Deviation]) -> None:
    first, _ = joined(pair)
    with pytest.raises(ValidationError, match="a criterion that PHY-02 serves"):
        evaluated(first, ("CC6.2",))
    with pytest.raises(ValidationError, match="is not mapped to"):
        evaluated(first, ("CC6.2", "CC6.4", "CC7.2"))
    with pytest.raises(ValidationError, match="Another control in scope"):
        deviations.evaluate(
            first, **WORDS, effect="compensated", compensating_control=pair[1].control, by=f.person("milan")
        )
    assert set(Deviation.objects.values_list("state", flat=True)) == {"raised"}


def test_the_report_lists_them_as_one_with_each_test(pair: tuple[Deviation, Deviation]) -> None:
    first, second = joined(pair)
    evaluated(first)
    deviations.conclude(first, by=f.person("petra"))
    built = snapshot.build(first.engagement)
    (line,) = arrangement.exceptions(built)
    assert [(one["code"], one["control"], one["trace"]["test"], one["deviations"]) for one in line.all] == [
        ("EX-01", "IAM-06", str(first.test), 1),
        ("EX-02", "PHY-02", str(second.test), 1),
    ]
    assert [one["one_cause"] for one in line.all] == [["EX-02"], ["EX-01"]]
    assert {one["effect"] for one in line.all} == {"criterion_failed"}


def test_the_gravest_is_proposed(pair: tuple[Deviation, Deviation]) -> None:
    first, _ = joined(pair)
    shown = proposed(first, kind="systematic")
    assert shown is not None
    assert {reason.partition(":")[0] for reason in shown.proposal.reasons} == {"EX-01 (IAM-06)", "EX-02 (PHY-02)"}
    assert shown.proposal.effect == "criterion_failed"
    mild, bad = (
        Proposal(Effect.CONTROL_EFFECTIVE, ("Mild.",)),
        Proposal(Effect.COMPENSATED, ("Bad.",), escalate=True),
    )
    assert gravest({"EX-01": mild, "EX-02": bad}) == Proposal(Effect.COMPENSATED, ("EX-02: Bad.",), escalate=True)
    with pytest.raises(ValueError, match="no proposal"):
        gravest({})


def test_parting_and_dismissing_leave_the_others_to_be_evaluated_again(pair: tuple[Deviation, Deviation]) -> None:
    engagement = pair[0].engagement
    test = m.planned(engagement, m.control(engagement, "IAM-09"))
    third = m.raised(test, m.worked(test, deviating=[(2, "A")]))
    joined(pair)
    milan = f.person("milan")
    regrouping.join(third, pair[1], reason=REASON, by=milan)
    evaluated(third)
    regrouping.part(pair[0], reason="Sent, but late.", by=milan)
    one, two, three = Deviation.objects.order_by("pk")
    assert (one.cause_shared_with, two.cause_shared_with, three.cause_shared_with) == (None, None, two)
    assert {one.state, two.state, three.state} == {"raised"}
    with pytest.raises(ValidationError, match="with no other"):
        regrouping.part(one, reason="x", by=milan)
    evaluated(two, ("CC6.2", "CC6.4"))
    deviations.not_a_deviation(two, reason="The badge was handed in.", by=f.person("petra"))
    three.refresh_from_db()
    assert (three.cause_shared_with, three.state) == (None, "raised")


def test_what_is_not_joined(pair: tuple[Deviation, Deviation]) -> None:
    first, second = pair
    milan = f.person("milan")
    with pytest.raises(PermissionDenied):
        regrouping.join(first, second, reason=REASON, by=f.person("carla"))
    with pytest.raises(ValidationError, match="Say what the cause"):
        regrouping.join(first, second, reason=" ", by=milan)
    same = m.raised(first.test, m.worked(first.test, deviating=[(3, "C")])[-1:])
    with pytest.raises(ValidationError, match="of the same sheet: merge"):
        regrouping.join(first, same, reason=REASON, by=milan)
    joined(pair)
    with pytest.raises(ValidationError, match="already"):
        regrouping.join(first, second, reason=REASON, by=milan)
    second.refresh_from_db()
    other = m.raised(second.test, m.worked(second.test, deviating=[(3, "A")])[-1:])
    with pytest.raises(ValidationError, match="Part it from them first"):
        regrouping.merge(second, other, reason=REASON, by=milan)
    regrouping.merge(other, second, reason=REASON, by=milan)
    deviations.not_a_deviation(same, reason="Not at all.", by=f.person("petra"))
    with pytest.raises(WrongStage):
        regrouping.join(same, second, reason=REASON, by=milan)


def test_in_the_pages(client: Client, pair: tuple[Deviation, Deviation]) -> None:
    first, second = pair
    client.force_login(f.person("milan"))
    grouping = reverse("fieldwork:merge", args=[first.engagement_id, second.code])
    assert "EX-01 Access removed late (IAM-06)" in client.get(grouping).content.decode()
    assert client.post(grouping, {"into": first.pk, "reason": REASON})["Location"] == first.get_absolute_url()
    assert "One cause with" in client.get(second.get_absolute_url()).content.decode()
    listed = client.get(reverse("fieldwork:exceptions", args=[first.engagement_id])).content.decode()
    assert "one cause with EX-02" in listed
    assert "one cause with EX-01" in listed
    evaluating = client.get(reverse("fieldwork:evaluate", args=[first.engagement_id, first.code])).content.decode()
    assert "CC6.4" in evaluating
    parting = reverse("fieldwork:part", args=[first.engagement_id, second.code])
    assert client.post(parting, {"reason": ""}).status_code == 422
    assert client.post(parting, {"reason": "Not so."})["Location"] == second.get_absolute_url()
    assert "One cause with" not in client.get(second.get_absolute_url()).content.decode()


def test_a_criterion_that_is_mapped_no_longer_breaks_no_page(
    client: Client, pair: tuple[Deviation, Deviation]
) -> None:
    evaluated(pair[1], ("CC6.4",))
    ControlCriterion.objects.filter(control=pair[1].control).update(criterion="CC6.6")
    client.force_login(f.person("milan"))
    assert client.get(pair[1].get_absolute_url()).status_code == 200


def test_the_printed_list_has_one_entry(pair: tuple[Deviation, Deviation]) -> None:
    first, _ = joined(pair)
    evaluated(first)
    deviations.conclude(first, by=f.person("petra"))
    printed = book_of(snapshot.build(f.at_stage(first.engagement, Stage.REPORTING)), draft=1).html
    assert "Of the same cause as" in printed
    assert printed.count("The form was not sent.") == 1
    assert printed.count('id="exception-') == 2
