"""The firm's own words: written, approved by another, printed with facts, kept by the reports that used them."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from engagements.models import Engagement
from jobs.running import run
from reports import issuing, own_words, reading
from reports.models import LikenessCheck, OwnWording
from reports.snapshot import build
from reports.wording import OWN, elements
from tests import factories as f
from tests.reports import makers as m
from tests.reports import snapshots

TEXT = "What we tested is listed in {section_controls} for {client}.\n\n{parties}"


def printed(text: str, key: str = "tests") -> str:
    snapshot = snapshots.type_2()
    snapshot["wording"] = [{"element": key, "version": 3, "text": text}]
    return next(
        one.text for one in reading.opinion(snapshot) if one.key == key.replace("limb_operating", "opinion")
    )


def test_facts_and_lists_are_put_in() -> None:
    assert printed(TEXT) == (
        "What we tested is listed in Section IV for Lakeshore Ledger.\n"
        "Lakeshore Ledger itself\nuser entities of the Ledger Cloud system\nregulators"
    )


def test_a_limb_in_own_words_keeps_its_exception_and_its_place() -> None:
    snapshot = snapshots.qualified()
    snapshot["wording"] = [
        {"element": "limb_operating", "version": 1, "text": "the controls worked, in all material respects, {time}"}
    ]
    text = next(one.line for one in reading.opinion(snapshot) if one.key == "opinion")
    assert "(c) except for the effects of the matter described above, the controls worked" in text
    assert "throughout the period October 1, 2025 to September 30, 2026" in text


def test_names_of_people_are_text_and_nothing_else() -> None:
    snapshot = snapshots.type_2()
    snapshot["client"]["short_name"] = "A*B* <b>&c</b> [x](http://evil.example)"
    snapshot["wording"] = [{"element": "tests", "version": 1, "text": "For {client}."}]
    (element,) = [one for one in elements(snapshot) if one.key == "tests"]
    assert (
        own_words.reading.plain(own_words.prose.to_html(element.own)) == f"For {snapshot['client']['short_name']}."
    )


@pytest.mark.parametrize("limb", ["description", "design", "operating"])
def test_a_disclaimer_prints_the_products_words(limb: str) -> None:
    snapshot = snapshots.modify(snapshots.type_2(), limb, "disclaimed", cause="scope")  # type: ignore[arg-type]
    snapshot["wording"] = [{"element": key, "version": 1, "text": "OURS"} for key in OWN]
    assert all("OURS" not in one.text for one in reading.opinion(snapshot))


def test_an_adverse_limb_prints_the_products_words() -> None:
    snapshot = snapshots.modify(snapshots.type_2(), "operating", "adverse")
    snapshot["wording"] = [{"element": "limb_operating", "version": 1, "text": "it was fine"}]
    assert all("it was fine" not in one.text for one in reading.opinion(snapshot))


NOT_THERE = {"inclusive", "other_information", "operation_not_examined"}


@pytest.mark.parametrize("element", OWN)
def test_every_paragraph_can_be_set_beside_the_products(element: str) -> None:
    snapshot = snapshots.type_2()
    snapshot["wording"] = [{"element": element, "version": 1, "text": "Ours for {client}."}]
    (one,) = own_words.beside(snapshot)
    assert one.own == "Ours for Lakeshore Ledger."
    assert "Ours" not in one.product
    assert one.applies == bool(one.product) == (element not in NOT_THERE)
    assert own_words.used(snapshot) == ([element] if one.applies else [])


pytestmark = pytest.mark.django_db


def proposed(engagement: Engagement, **fields: str) -> OwnWording:
    milan = f.people(engagement)["milan"]
    values = {"element": "tests", "report_type": "", "text": "See {section_controls}.", "note": "Licensed text."}
    made = own_words.write(engagement.firm, by=milan, **{**values, **fields})
    return own_words.propose(made, by=milan)


def test_it_is_printed_when_a_partner_has_approved_it_and_reports_keep_it() -> None:
    engagement = m.in_scope()
    petra = f.people(engagement)["petra"]
    made = proposed(engagement)
    assert build(engagement)["wording"] == []
    own_words.approve(made, by=petra)
    kept = build(engagement)["wording"]
    assert kept == [{"element": "tests", "version": 1, "text": "See {section_controls}."}]
    own_words.approve(proposed(engagement, text="Look at {section_controls}."), by=petra)
    assert [one["version"] for one in build(engagement)["wording"]] == [2]
    assert OwnWording.objects.get(version=1).state == OwnWording.State.RETIRED
    assert kept[0]["version"] == 1
    own_words.approve(proposed(engagement, report_type="2", text="Type 2: {section_controls}."), by=petra)
    assert [one["version"] for one in build(engagement)["wording"]] == [3]
    own_words.approve(proposed(engagement, report_type="1", text="Type 1."), by=petra)
    assert [one["version"] for one in build(engagement)["wording"]] == [3]
    own_words.retire(OwnWording.objects.get(version=3), reason="The licence ended.", by=petra)
    assert [one["version"] for one in build(engagement)["wording"]] == [2]


def test_refusals() -> None:
    engagement = m.in_scope()
    who = f.people(engagement)
    firm, milan, petra = engagement.firm, who["milan"], who["petra"]
    with pytest.raises(PermissionDenied):
        own_words.write(firm, element="tests", report_type="", text="T", note="", by=who["carla"])
    for wrong in ({"element": "signature"}, {"text": " "}, {"text": "{clients}"}, {"report_type": "3"}):
        values = {"element": "tests", "report_type": "", "text": "T", "note": "", **wrong}
        with pytest.raises(ValidationError):
            own_words.write(firm, by=milan, **values)
    with pytest.raises(ValidationError, match=r"no fact named \{parties\}"):
        own_words.checked("limb_design", "it is for {parties}")
    without_note = own_words.write(firm, element="scope", report_type="", text="T", note="", by=milan)
    with pytest.raises(ValidationError, match="Say what changes"):
        own_words.propose(without_note, by=milan)
    made = proposed(engagement)
    with pytest.raises(PermissionDenied):
        own_words.approve(made, by=milan)
    with pytest.raises(ValidationError, match="Say why"):
        own_words.return_(made, reason=" ", by=petra)
    with pytest.raises(ValidationError, match="to be approved"):
        own_words.edit(made, text="Other", note="N", by=milan)
    own_words.approve(made, by=petra)
    with pytest.raises(DatabaseError), transaction.atomic():
        OwnWording.objects.filter(pk=made.pk).update(text="Changed")
    with pytest.raises(DatabaseError), transaction.atomic():
        OwnWording.objects.filter(pk=made.pk).delete()


def test_who_wrote_it_does_not_approve_it_while_there_is_another_partner() -> None:
    engagement = m.in_scope()
    who = f.people(engagement)
    written = own_words.write(engagement.firm, element="tests", report_type="", text="T", note="N", by=who["petra"])
    own_words.propose(written, by=who["petra"])
    engagement.firm.members.filter(user=who["milan"]).update(may_accept=True)
    with pytest.raises(ValidationError, match="another partner"):
        own_words.approve(written, by=who["petra"])
    own_words.approve(written, by=who["milan"])


@pytest.mark.django_db
@pytest.mark.usefixtures("quick")
def test_what_the_firm_approves_later_is_not_said_of_an_issued_report(client: Client) -> None:
    draft = m.ready()
    engagement = Engagement.objects.get(pk=draft.engagement_id)
    LikenessCheck.objects.create(
        engagement=engagement, draft=draft, content_sha256=draft.content_sha256, compared=1, found=[]
    )
    made = issuing.issue(engagement, by=f.people(engagement)["petra"], password=f.PASSWORD, draft=draft)
    assert made.job_id is not None
    run(made.job_id)
    engagement.refresh_from_db()
    own_words.approve(proposed(engagement, text="Look at {section_controls}."), by=f.people(engagement)["petra"])
    assert build(engagement)["wording"]
    client.force_login(f.people(engagement)["quinn"])

    def page(name: str) -> str:
        return client.get(reverse(f"reports:{name}", args=[engagement.pk])).content.decode()

    assert "words throughout" in page("own_wording")
    assert "Look at" not in page("text")
    assert "What the issued report prints." in page("text")
    assert "Something has changed" not in page("text") + page("likeness")
