"""The opinion by limb: proposed by the results, formed by the partner, resting on matters."""

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from audit.models import Event
from engagements.models import Engagement, Stage
from engagements.workflow import WrongStage
from fieldwork.models import Deviation
from reports import opinion
from reports.models import Conclusion, EmphasisParagraph, Limb, Matter, Opinion
from tests import factories as f
from tests.reports import makers as m

pytestmark = pytest.mark.django_db


def matter(engagement: Engagement, **fields: object) -> Matter:
    values: dict[str, object] = {
        "title": "Access without approval",
        "cause": "operation",
        "basis": "One of three requests was not approved.",
        "limbs": ["operating"],
        "criteria": ["CC6.2"],
        "by": f.people(engagement)["petra"],
        **fields,
    }
    return opinion.add_matter(engagement, **values)  # type: ignore[arg-type]


def test_clean_results_propose_an_unmodified_opinion() -> None:
    engagement = m.in_scope()
    m.worked(engagement)
    proposals = opinion.proposals(engagement)
    assert {limb: one.conclusion for limb, one in proposals.items()} == dict.fromkeys(Limb, Conclusion.UNMODIFIED)


def test_a_failed_criterion_proposes_a_qualified_limb_with_a_link_to_it() -> None:
    engagement = m.in_scope()
    m.worked(engagement, deviating=True, sign=False)
    proposed = opinion.proposals(engagement)
    assert proposed[Limb.OPERATING].conclusion == Conclusion.QUALIFIED
    assert proposed[Limb.DESIGN].conclusion == Conclusion.UNMODIFIED
    (reason,) = proposed[Limb.OPERATING].reasons
    assert reason.links[0] == ("EX-01", Deviation.objects.get().get_absolute_url())
    assert "CC6.2" in dict(reason.links)
    assert not Opinion.objects.exists()


@pytest.mark.parametrize(
    ("cause", "pervasive", "conclusion"),
    [
        ("operation", False, "qualified"),
        ("operation", True, "adverse"),
        ("scope", False, "qualified"),
        ("scope", True, "disclaimed"),
    ],
)
def test_cause_and_pervasiveness_decide_what_is_proposed(cause: str, pervasive: bool, conclusion: str) -> None:
    engagement = m.in_scope()
    matter(engagement, cause=cause, pervasive=pervasive)
    assert opinion.proposals(engagement)[Limb.OPERATING].conclusion == conclusion


def test_the_partner_concludes_as_proposed_without_a_reason() -> None:
    engagement = m.in_scope()
    formed = opinion.form(engagement, "design", conclusion="unmodified", by=f.people(engagement)["petra"])
    assert (formed.proposed, formed.reason) == ("unmodified", "")
    assert Event.objects.get(action="opinion.formed").audience == "firm"


@pytest.mark.parametrize("who", ["milan", "sana", "quinn", "carla", "sig"])
def test_nobody_else_concludes(who: str) -> None:
    engagement = m.in_scope()
    with pytest.raises(PermissionDenied):
        opinion.form(engagement, "design", conclusion="unmodified", by=f.people(engagement)[who])
    with pytest.raises(PermissionDenied):
        matter(engagement, by=f.people(engagement)[who])
    with pytest.raises(PermissionDenied):
        opinion.set_report_date(engagement, date=timezone.localdate(), by=f.people(engagement)[who])


def test_a_modified_limb_needs_a_matter_and_one_other_than_proposed_a_reason() -> None:
    engagement = m.in_scope()
    petra = f.people(engagement)["petra"]
    with pytest.raises(ValidationError, match="R38"):
        opinion.form(engagement, "operating", conclusion="qualified", by=petra)
    m.worked(engagement, deviating=True, sign=False)
    with pytest.raises(ValidationError, match="propose qualified"):
        opinion.form(engagement, "operating", conclusion="unmodified", by=petra)
    formed = opinion.form(engagement, "operating", conclusion="unmodified", reason="Immaterial.", by=petra)
    assert formed.reason == "Immaterial."


def test_an_unmodified_limb_cannot_stand_beside_a_matter() -> None:
    engagement = m.in_scope()
    matter(engagement)
    with pytest.raises(ValidationError, match="touches this limb"):
        opinion.form(
            engagement, "operating", conclusion="unmodified", reason="No", by=f.people(engagement)["petra"]
        )


@pytest.mark.parametrize(
    ("conclusion", "words"), [("adverse", "pervasive"), ("disclaimed", "could not be obtained")]
)
def test_adverse_and_disclaimed_need_their_kind_of_matter(conclusion: str, words: str) -> None:
    engagement = m.in_scope()
    matter(engagement)
    with pytest.raises(ValidationError, match=words):
        opinion.form(engagement, "operating", conclusion=conclusion, reason="x", by=f.people(engagement)["petra"])


def test_a_type_1_has_two_limbs() -> None:
    engagement = m.in_scope(type=Engagement.Type.TYPE_1)
    assert list(opinion.proposals(engagement)) == [Limb.DESCRIPTION, Limb.DESIGN]
    with pytest.raises(ValidationError, match="Type 1"):
        opinion.form(engagement, "operating", conclusion="unmodified", by=f.people(engagement)["petra"])
    with pytest.raises(ValidationError, match="Type 1"):
        matter(engagement)


@pytest.mark.parametrize(
    "fields",
    [
        {"title": " "},
        {"basis": ""},
        {"limbs": []},
        {"cause": "misstatement"},
        {"criteria": ["P1.1"]},
    ],
)
def test_an_incomplete_matter_is_refused(fields: dict[str, object]) -> None:
    engagement = m.in_scope()
    with pytest.raises(ValidationError):
        matter(engagement, **fields)
    assert not Matter.objects.exists()


def test_a_withdrawn_matter_keeps_its_number() -> None:
    engagement = m.in_scope()
    first = matter(engagement)
    with pytest.raises(ValidationError, match="no longer stands"):
        opinion.withdraw_matter(first, reason=" ", by=f.people(engagement)["petra"])
    opinion.withdraw_matter(first, reason="Evidence came.", by=f.people(engagement)["petra"])
    assert matter(engagement).number == 2
    with pytest.raises(ValidationError, match="already"):
        opinion.withdraw_matter(first, reason="Again", by=f.people(engagement)["petra"])


@pytest.mark.parametrize("date", [dt.date(2026, 9, 30), dt.date(2126, 1, 1)])
def test_the_report_is_dated_after_the_period_and_not_ahead(date: dt.date) -> None:
    engagement = m.in_scope()
    with pytest.raises(ValidationError):
        opinion.set_report_date(engagement, date=date, by=f.people(engagement)["petra"])


def test_conclusions_belong_to_reporting() -> None:
    engagement = f.at_stage(m.in_scope(), Stage.FIELDWORK)
    with pytest.raises(WrongStage):
        opinion.form(engagement, "design", conclusion="unmodified", by=f.people(engagement)["petra"])


def test_a_paragraph_needs_its_reason_and_leaves_its_words_in_the_trail() -> None:
    engagement = m.in_scope()
    petra = f.people(engagement)["petra"]
    with pytest.raises(ValidationError):
        opinion.add_paragraph(engagement, kind="emphasis", title="T", text="Text", reason="", by=petra)
    made = opinion.add_paragraph(engagement, kind="emphasis", title="T", text="Text", reason="Why", by=petra)
    opinion.remove_paragraph(made, by=petra)
    assert not EmphasisParagraph.objects.exists()
    assert Event.objects.get(action="opinion.paragraph_removed").detail == {"text": "Text", "reason": "Why"}
