"""Every page of fieldwork: who sees it, that it says what it should, that refusals are words."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from engagements.models import Engagement
from engagements.obstacles import past_warning
from evidence import examining, populations, uploads
from evidence.models import Population
from fieldwork import deviations, notes, testing
from fieldwork.models import ControlTest, Deviation, ItemResult, ReviewNote, Sample, SamplingProfile, SheetItem
from fieldwork.occurring import subject_of
from tests import factories as f
from tests.fieldwork import makers as m
from tests.remembered import remembered

pytestmark = pytest.mark.django_db

FIRM = ["petra", "milan", "sana", "quinn", "ray"]
CLIENT = ["carla", "owen", "sig", "sub"]


@pytest.fixture
@remembered
def sheet() -> ControlTest:
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    return m.planned(engagement, control, a_sample=m.sample(engagement, control))


def browser(key: str) -> Client:
    client = Client()
    client.force_login(f.person(key))
    return client


def text(key: str, name: str, *args: object) -> str:
    """What the page of that route says to that person."""
    answer = browser(key).get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def pages(test: ControlTest) -> dict[str, str]:
    """Every page that a GET shows, by route name."""
    engagement, sample = test.engagement, test.sample
    assert sample is not None
    args: dict[str, list[object]] = {
        "testing": [],
        "plan": [test.control.number],
        "test": [test.pk],
        "beside": [test.pk],
        "item": [test.pk, test.items.first().pk],  # type: ignore[union-attr]
        "edit_test": [test.pk],
        "conclude_test": [test.pk],
        "return_test": [test.pk],
        "raise_exception": [test.pk],
        "notes": [test.pk],
        "history": [test.pk],
        "draw": [sample.population_id, test.control.number],
        "sample": [sample.pk],
    }
    return {name: reverse(f"fieldwork:{name}", args=[engagement.pk, *rest]) for name, rest in args.items()}


WRITE = {"plan", "edit_test", "conclude_test", "raise_exception", "draw", "return_test"}


@pytest.mark.parametrize("key", FIRM)
@pytest.mark.drill
def test_the_firm_sees_the_work(sheet: ControlTest, key: str) -> None:
    client = browser(key)
    worker = key in {"petra", "milan", "sana"}
    for name, url in pages(sheet).items():
        wanted = 200 if worker or name not in WRITE else 403
        assert client.get(url).status_code == wanted, name


@pytest.mark.parametrize("key", CLIENT)
def test_the_client_never_reaches_it(sheet: ControlTest, key: str) -> None:
    client = browser(key)
    for name, url in pages(sheet).items():
        assert client.get(url).status_code == 403, name


@pytest.mark.parametrize("key", ["nemo", "olga"])
def test_an_outsider_finds_nothing(sheet: ControlTest, key: str) -> None:
    client = browser(key)
    for name, url in pages(sheet).items():
        assert client.get(url).status_code == 404, name


@pytest.mark.drill
def test_of_another_engagement_is_not_found(sheet: ControlTest) -> None:
    other = m.at_fieldwork()
    client = browser("sana")
    assert client.get(reverse("fieldwork:test", args=[other.pk, sheet.pk])).status_code == 404
    assert client.get(reverse("fieldwork:sample", args=[other.pk, sheet.sample_id])).status_code == 404


@pytest.mark.parametrize("key", [*CLIENT, "quinn", "ray"])
def test_only_testers_record(sheet: ControlTest, key: str) -> None:
    testing.cite(sheet, m.evidence(sheet.engagement), by=f.person("sana"))
    url = reverse("fieldwork:record", args=[sheet.engagement_id, sheet.pk])
    item = sheet.items.first()
    assert item is not None
    assert send(browser(key), url, {"item": item.pk, "attribute": "A", "value": "pass"}).status_code == 403
    assert not ItemResult.objects.exists()


def send(client: Client, url: str, *entries: dict[str, Any], **more: str) -> Any:
    return client.post(url, {"entries": json.dumps(entries), **more})


def test_cells_are_saved_one_by_one(sheet: ControlTest) -> None:
    file = m.evidence(sheet.engagement)
    url = reverse("fieldwork:record", args=[sheet.engagement_id, sheet.pk])
    item = SheetItem.objects.get(test=sheet, position=1)
    client = browser("sana")
    cell = {"item": item.pk, "attribute": "A"}

    def said(**entry: str) -> dict[str, Any]:
        found: dict[str, Any] = send(client, url, cell | entry, window="one").json()["answers"][0]
        return found

    early = said(value="pass")
    assert early["state"] == "refused"
    assert "R26" in early["words"]
    assert "rests on" in said(evidence=file.code)["words"]
    answer = send(client, url, cell | {"value": "pass"}, window="one").json()
    assert answer["answers"][0]["value"] == "pass"
    assert answer["answers"][0]["evidence"] == file.code
    assert len(answer["saved"]) == len("14:06:31")

    assert "note what was found" in said(value="deviation")["words"]
    noted = send(client, url, {"item": item.pk, "note": "Nine days late"}, window="one").json()
    assert noted["answers"][0]["note"] == "Nine days late"
    assert said(value="deviation", reference="p2")["evidence"] == f"{file.code} p2"
    result = ItemResult.objects.get(item=item)
    assert (result.outcome, result.note, result.place) == ("d", "Nine days late", "p2")

    beside = client.get(reverse("fieldwork:beside", args=[sheet.engagement_id, sheet.pk])).content.decode()
    assert "Deviations, attribute A" in beside
    assert said(value="")["value"] == ""
    assert not ItemResult.objects.exists()


def test_without_scripts_an_item_is_a_form(sheet: ControlTest) -> None:
    citation = testing.cite(sheet, m.evidence(sheet.engagement), by=f.person("sana"))
    item = SheetItem.objects.get(test=sheet, position=1)
    url = reverse("fieldwork:item", args=[sheet.engagement_id, sheet.pk, item.pk])
    client = browser("sana")
    refused = client.post(url, {"A-outcome": "d", "A-citation": citation.pk})
    assert refused.status_code == 422
    assert "note what was found" in refused.content.decode()
    kept = client.post(url, {"A-outcome": "p", "A-citation": citation.pk, "A-place": "row 3", "B-outcome": "n"})
    assert kept.status_code == 422, "B has no evidence yet"
    kept = client.post(
        url, {"A-outcome": "p", "A-citation": citation.pk, "B-outcome": "n", "B-citation": citation.pk}
    )
    assert kept.status_code == 302
    assert ItemResult.objects.filter(item=item).count() == 2


def test_a_mere_hint_at_the_method_is_not_offered_as_procedure(sheet: ControlTest) -> None:
    m.control(sheet.engagement, "CHG-03", typical_test="Reperformance: sampled")
    shown = browser("sana").get(reverse("fieldwork:plan", args=[sheet.engagement_id, "CHG-03"]))
    assert shown.context["form"].initial["procedure"] == ""
    assert shown.context["form"].initial["kinds"] == ["reperformance"]


def test_plan_begins_with_the_typical_test(sheet: ControlTest) -> None:
    control = m.control(sheet.engagement, "CHG-02", typical_test="Inspect approvals and reperform the merge check.")
    url = reverse("fieldwork:plan", args=[sheet.engagement_id, "CHG-02"])
    client = browser("sana")
    shown = client.get(url).content.decode()
    assert "Inspect approvals and reperform the merge check." in shown
    sent = {
        "phase": "operating",
        "kinds": ["inquiry"],
        "procedure": "Asked.",
        "attributes": "Approved: Somebody else approved it.",
        "items": "One\nTwo",
    }
    refused = client.post(url, sent)
    assert refused.status_code == 422
    assert "Inquiry alone" in refused.content.decode()
    assert client.post(url, sent | {"kinds": ["inquiry", "inspection"]}).status_code == 302
    made = ControlTest.objects.get(control=control)
    assert [item.label for item in made.items.all()] == ["One", "Two"]
    assert [(one.letter, one.title) for one in made.attributes.all()] == [("A", "Approved")]


def test_sample_drawn_and_drawn_again(sheet: ControlTest) -> None:
    control = m.control(sheet.engagement, "CHG-02")
    population = m.population(sheet.engagement, control, name="Changes")
    client = browser("sana")
    url = reverse("fieldwork:draw", args=[sheet.engagement_id, population.pk, "CHG-02"])
    assert "That is 12 of 41 items." in client.get(url).content.decode()
    answer = client.post(url, {"risk": "normal"})
    sample = Sample.objects.get(control=control)
    assert answer.url == sample.get_absolute_url()  # type: ignore[attr-defined]
    again = client.post(reverse("fieldwork:redraw", args=[sheet.engagement_id, sample.pk]), HTTP_HX_REQUEST="true")
    assert "The same 12 items" in again.content.decode()


def test_what_cannot_be_done_yet_says_so_before_it_is_tried(sheet: ControlTest) -> None:
    control = m.control(sheet.engagement, "CHG-02")
    listing = m.provided(sheet.engagement, control, name="Changes")
    drawing = browser("sana").get(reverse("fieldwork:draw", args=[sheet.engagement_id, listing.pk, "CHG-02"]))
    assert "is not accepted yet" in drawing.content.decode()
    m.worked(sheet, deviating=[(1, "B")])
    raised = m.raised(sheet, list(ItemResult.objects.filter(outcome="d")))
    url = reverse("fieldwork:conclude_exception", args=[sheet.engagement_id, raised.code])
    assert f"{raised.code} is not evaluated yet" in browser("petra").get(url).content.decode()


def test_the_way_through_the_pages_to_a_reviewed_test(sheet: ControlTest) -> None:
    testing.cite(sheet, m.evidence(sheet.engagement), note="all", by=f.person("sana"))
    base = [sheet.engagement_id, sheet.pk]
    sana, milan = browser("sana"), browser("milan")
    citation = sheet.citations.get()
    for attribute in sheet.attributes.all():
        sana.post(
            reverse("fieldwork:fill", args=base),
            {"attribute": attribute.pk, "outcome": "p", "citation": citation.pk},
        )
    assert sana.post(reverse("fieldwork:conclude_test", args=base), {"result": "no_exceptions"}).status_code == 302
    sana.post(reverse("fieldwork:sign", args=base), {"step": "prepared"})
    locked = sana.get(reverse("fieldwork:test", args=base)).content.decode()
    assert 'aria-readonly="true"' in locked
    assert "Signed as prepared: it is returned before anything changes." in locked
    milan.post(reverse("fieldwork:sign", args=base), {"step": "reviewed"})
    assert sheet.sign_offs.filter(step="reviewed", by=f.person("milan"), voided_at__isnull=True).exists()
    assert milan.post(reverse("fieldwork:return_test", args=base), {"reason": ""}).status_code == 422
    assert milan.post(reverse("fieldwork:return_test", args=base), {"reason": "Look again."}).status_code == 302
    assert "Look again." in sana.get(reverse("fieldwork:test", args=base)).content.decode()


@pytest.fixture
@remembered
def exception(sheet: ControlTest) -> Deviation:
    cells = m.worked(sheet, deviating=[(1, "B"), (3, "B")])
    return m.raised(sheet, cells)


def test_exception_from_evaluation_to_response(exception: Deviation) -> None:
    args = [exception.engagement_id, exception.code]
    sana, petra, carla = browser("sana"), browser("petra"), browser("carla")
    page = reverse("fieldwork:exception", args=args)
    assert carla.get(page).status_code == 404
    assert sana.get(reverse("fieldwork:evaluate", args=args)).status_code == 200
    refused = sana.post(reverse("fieldwork:evaluate", args=args), {"cause": "Late form"})
    assert refused.status_code == 422
    sent = {
        "cause": "Late form",
        "type": "systematic",
        "extent": "Two of twelve",
        "evaluation": "Happens again",
        "effect": "criterion_failed",
        "failed_criteria": ["CC6.2"],
    }
    assert sana.post(reverse("fieldwork:evaluate", args=args), sent).status_code == 302
    shown = sana.get(page).content.decode()
    assert "What the rules propose" in shown
    assert "CC6.2 not met" in shown
    assert sana.get(reverse("fieldwork:conclude_exception", args=args)).status_code == 403
    softer = petra.post(reverse("fieldwork:conclude_exception", args=args), {"effect": "control_effective"})
    assert softer.status_code == 422
    assert "Say why the conclusion is softer" in softer.content.decode()
    assert (
        petra.post(reverse("fieldwork:conclude_exception", args=args), {"effect": "criterion_failed"}).status_code
        == 302
    )
    assert browser("milan").post(reverse("fieldwork:release", args=args)).status_code == 302
    seen = carla.get(page).content.decode()
    assert exception.description in seen
    assert "Happens again" not in seen
    assert "Late form" not in seen
    assert carla.post(page, {"text": "We changed the form."}).status_code == 302
    assert "We changed the form." in sana.get(page).content.decode()


def test_evidence_says_where_it_is_cited(exception: Deviation) -> None:
    file = exception.test.citations.get().file
    assert str(exception.test) in text("sana", "evidence:file", exception.engagement_id, file.code)
    population = exception.test.sample.population  # type: ignore[union-attr]
    assert "Sample of 12" in text("sana", "evidence:population", exception.engagement_id, population.pk)


def test_lists_of_exceptions(exception: Deviation) -> None:
    url = reverse("fieldwork:exceptions", args=[exception.engagement_id])
    assert exception.title in browser("sana").get(url).content.decode()
    assert exception.title not in browser("carla").get(url).content.decode()
    deviations.release_to_client(exception, by=f.person("milan"))
    assert exception.title in browser("carla").get(url).content.decode()
    for key in ("owen", "sub"):
        assert browser(key).get(url).status_code == 403


def test_client_sees_neither_draft_nor_count(exception: Deviation) -> None:
    overview = text("carla", "engagements:overview", exception.engagement_id)
    assert exception.code not in overview
    assert "Testing" not in overview
    asked = {"q": "late", "engagement": str(exception.engagement_id)}
    assert not browser("carla").get(reverse("palette"), asked).json()
    assert browser("sana").get(reverse("palette"), asked).json()


def test_overview_control_and_home_show_the_work(exception: Deviation) -> None:
    sana = browser("sana")
    overview = sana.get(reverse("engagements:overview", args=[exception.engagement_id])).content.decode()
    assert "in scope ·" in overview
    assert exception.code in overview
    assert str(exception.test) in sana.get(exception.control.get_absolute_url()).content.decode()
    testing.assign(exception.test, to=f.person("sana"), by=f.person("milan"))
    assert str(exception.test) in sana.get(reverse("home")).content.decode()


def test_review_notes_in_the_panel(sheet: ControlTest) -> None:
    url = reverse("fieldwork:notes", args=[sheet.engagement_id, sheet.pk])
    milan, sana = browser("milan"), browser("sana")
    assert milan.post(url, {"text": "Why no device for item 3?"}).status_code == 302
    note = ReviewNote.objects.get()
    fragment = sana.get(url, HTTP_HX_REQUEST="true").content.decode()
    assert "Why no device" in fragment
    assert "<html" not in fragment
    one = reverse("fieldwork:note", args=[sheet.engagement_id, note.pk])
    sana.post(one, {"act": "answer", "text": "None was handed out."})
    assert sana.post(one, {"act": "clear"}).status_code == 403
    milan.post(one, {"act": "clear"})
    note.refresh_from_db()
    assert note.cleared_at is not None
    notes.raise_note(sheet, text="One more.", by=f.person("quinn"))


def test_profile_is_approved_by_an_administrator_of_the_firm() -> None:
    engagement = f.accepted()
    url = reverse("fieldwork:profile")
    shipped = SamplingProfile.objects.get(firm=None, code="firm_default_proposal")
    approve = reverse("fieldwork:approve_profile", args=[shipped.pk])
    assert "No profile is approved" in browser("sana").get(url).content.decode()
    assert browser("sana").post(approve).status_code == 403
    assert browser("carla").get(url).status_code == 403
    assert browser("petra").post(approve).status_code == 302
    approved = SamplingProfile.objects.approved_for(engagement.firm)
    assert approved is not None
    assert approved.approved_by == f.person("petra")


@pytest.mark.drill
def test_queries_do_not_grow_with_the_controls(django_assert_max_num_queries: object) -> None:
    engagement = m.at_fieldwork()
    for number in range(30):
        m.planned(engagement, m.control(engagement, f"IAM-{number:02d}"))
    client = browser("sana")
    url = reverse("fieldwork:testing", args=[engagement.pk])
    client.get(url)
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        client.get(url)


def test_empty_lists_say_what_to_do() -> None:
    engagement = m.at_fieldwork()
    assert "No controls in scope yet" in text("sana", "fieldwork:testing", engagement.pk)
    assert "No exceptions" in text("sana", "fieldwork:exceptions", engagement.pk)
    assert "No exceptions to answer" in text("carla", "fieldwork:exceptions", engagement.pk)


def provided(engagement: Engagement) -> Population:
    control = m.control(engagement, "CHG-09")
    return m.provided(engagement, control)


def test_drawing_page_refuses_before_acceptance() -> None:
    engagement = m.at_fieldwork()
    population = provided(engagement)
    url = reverse("fieldwork:draw", args=[engagement.pk, population.pk, "CHG-09"])
    refused = browser("sana").post(url, {"risk": "normal"})
    assert refused.status_code == 422
    assert "R18" in refused.content.decode()
    assert not Sample.objects.exists()


def test_the_sheet_leads_to_the_next_test_of_the_same_person_and_a_file_to_the_items_own_row(
    sheet: ControlTest,
) -> None:
    engagement, sana = sheet.engagement, f.person("sana")
    control = m.control(engagement, "CHG-02")
    sample = m.sample(engagement, control)
    later = testing.assign(m.planned(engagement, control, a_sample=sample), to=sana, by=sana)
    page = text("sana", "fieldwork:test", engagement.pk, sheet.pk)
    assert f'href="{later.get_absolute_url()}" data-key="t"' in page
    assert 'data-key="t"' not in text("quinn", "fieldwork:test", engagement.pk, sheet.pk)
    item = later.items.select_related("sample_item").all()[0]
    own = item.sample_item.values
    file = uploads.receive(
        engagement,
        file=io.BytesIO(f"ticket,who\nOFF-0,after {item.label}\n{','.join(own.values())}\n".encode()),
        name="log.csv",
        obtained_by_auditor=True,
        by=sana,
    )
    examining.read(file)
    places = reverse("fieldwork:places", args=[engagement.pk, later.pk])
    found = browser("sana").get(places, {"file": file.code, "item": item.pk}).content.decode()
    assert found.index("<b>row 3</b>") < found.index("<b>row 2</b>")


QUARTERS = b"ticket,employee,left on\nR1,Q4,2025-12-18\nR2,Q1,2026-03-20\nR4,Q3,2026-09-16\n"


def without_a_quarter() -> ControlTest:
    """The test of a quarterly control whose accepted listing lacks the second quarter."""
    engagement = m.at_fieldwork()
    control = m.control(engagement, "IAM-08", frequency="Q")
    listing = m.provided(engagement, control, content=QUARTERS, name="Access reviews")
    populations.accept(listing, conclusion="Complete.", precision_adequate=True, by=f.person("sana"))
    return m.planned(engagement, control)


def test_a_missing_occurrence_shows_where_it_is_worked_on_until_it_is_raised() -> None:
    """R34: on the sheet, at the conclusion, beside the signature and in the list; not only when issuing."""
    test = without_a_quarter()
    engagement = test.engagement
    fact = "3 of 4 occurrences found (quarterly). None for 1 Apr 2026 to 30 Jun 2026."
    pages = [("test", [test.pk]), ("conclude_test", [test.pk]), ("exceptions", [])]
    raising = reverse("fieldwork:raise_exception", args=[engagement.pk, test.pk]) + "?absence=1"
    for name, rest in pages:
        shown = text("milan", f"fieldwork:{name}", engagement.pk, *rest)
        assert fact in shown
        assert raising in shown
    assert "go on with a reason" in text("milan", "fieldwork:test", engagement.pk, test.pk)
    assert "go on with a reason" not in text("sana", "fieldwork:test", engagement.pk, test.pk)
    client = browser("sana")
    assert "1 of 4 occurrences did not take place" in client.get(raising).content.decode()
    answer = client.post(raising, {"title": "No review in the second quarter", "description": fact})
    assert answer.status_code == 302
    for name, rest in pages:
        assert "R34" not in text("milan", f"fieldwork:{name}", engagement.pk, *rest)
    again = client.get(raising).content.decode()
    assert "There is nothing to raise" in again
    assert "Raise the exception" not in again


def test_a_warning_that_is_gone_past_leads_back_to_the_page_one_came_from() -> None:
    test = without_a_quarter()
    engagement = test.engagement
    way = past_warning("issue", "R34", subject_of(test.control), engagement, test)
    elsewhere = way.replace(urlencode({"back": test.get_absolute_url()}), "back=//evil.example/")
    page = browser("milan").get(elsewhere).content.decode()
    assert 'evil.example/"' not in page.replace("&#x27;", "'").split("<form")[0]
    answer = browser("milan").post(way, {"reason": "The office was closed in that quarter."})
    assert answer["Location"] == test.get_absolute_url()
    assert "R34" not in text("milan", "fieldwork:test", engagement.pk, test.pk)
