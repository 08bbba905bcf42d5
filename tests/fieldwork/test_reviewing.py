"""The reviewer's queue: what waits, what changed since, signing after a proof; and the last signature."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import proving
from engagements.models import Engagement
from engagements.register import findings
from fieldwork import notes, reviewing, signing, testing
from fieldwork.models import ControlTest, SignOff
from fieldwork.progress import controls_progress, people_progress
from tests import factories as f
from tests.fieldwork import makers as m
from tests.remembered import remembered

pytestmark = pytest.mark.django_db

Step = SignOff.Step


@pytest.fixture
def engagement() -> Engagement:
    return m.at_fieldwork()


@pytest.fixture
@remembered
def sheets(engagement: Engagement) -> list[ControlTest]:
    """Two sheets signed as prepared, and one that is not."""
    made = [m.concluded(engagement, a_control=m.control(engagement, f"IAM-0{n}")) for n in (6, 7)]
    for test in made:
        m.signed(test, "prepared")
    m.planned(engagement, m.control(engagement, "IAM-08"))
    return made


def seen_by(key: str) -> Client:
    client = Client()
    client.force_login(f.person(key))
    return client


def queued(engagement: Engagement, step: SignOff.Step, key: str) -> list[str]:
    return [str(line.test) for line in reviewing.queue(engagement, step, f.person(key))]


# --- four signatures in order


def test_the_quality_reviewer_signs_last(sheets: list[ControlTest]) -> None:
    test, who = sheets[0], f.people(sheets[0].engagement)
    with pytest.raises(ValidationError, match="R31"):
        signing.sign(test, Step.QUALITY, by=who["quinn"])
    m.signed(test, "reviewed", "partner")
    for key in ("sana", "milan", "petra", "carla"):
        with pytest.raises(PermissionDenied):
            signing.sign(test, Step.QUALITY, by=who[key])
    signing.sign(test, Step.QUALITY, by=who["quinn"])
    standing = signing.living(test)
    assert [standing[step].by.name for step in Step.values] == [
        "Sana Wolfe",
        "Milan Finch",
        "Petra Alder",
        "Quinn Hale",
    ]
    assert not {"R28", "R30", "R31"} & {finding.rule for finding in findings("issue", test.engagement)}
    signing.return_to_preparer(test, reason="Item 2 is another person.", by=who["milan"])
    assert signing.living(test) == {}


# --- the queue


def test_what_waits_for_whom(engagement: Engagement, sheets: list[ControlTest]) -> None:
    assert queued(engagement, Step.REVIEWED, "milan") == ["IAM-06.1", "IAM-07.1"]
    assert queued(engagement, Step.REVIEWED, "sana") == [], "nobody reviews his own work"
    assert queued(engagement, Step.PARTNER, "petra") == []
    m.signed(sheets[0], "reviewed")
    assert queued(engagement, Step.REVIEWED, "milan") == ["IAM-07.1"]
    assert queued(engagement, Step.PARTNER, "petra") == ["IAM-06.1"]
    m.signed(sheets[0], "partner")
    assert queued(engagement, Step.QUALITY, "quinn") == ["IAM-06.1"]


def test_signed_again_it_shows_what_changed_since(engagement: Engagement, sheets: list[ControlTest]) -> None:
    test, who = sheets[0], f.people(engagement)
    first = reviewing.look(test, Step.REVIEWED, who["milan"])
    assert (first.last, first.changes, first.in_the_way) == (None, [], [])
    m.signed(test, "reviewed")
    signing.return_to_preparer(test, reason="Item 2 had no device.", by=who["milan"])
    m.cell(test, 2, "C", "n", note="No device was handed out.")
    testing.conclude_test(test, "no_exceptions", by=who["sana"])
    m.signed(test, "prepared")
    found = reviewing.look(test, Step.REVIEWED, who["milan"])
    assert [(one.place, one.old, one.new) for one in found.changes] == [
        ("Item 2, C: result", "Pass", "Not applicable"),
        ("Item 2, C: note", "–", "No device was handed out."),
    ]
    page = seen_by("milan").get(reverse("fieldwork:review", args=[engagement.pk])).content.decode()
    assert "No device was handed out." in page
    assert "Item 2 had no device." in page


def test_signing_goes_on_to_the_next(engagement: Engagement, sheets: list[ControlTest]) -> None:
    client = seen_by("milan")
    url = reverse("fieldwork:review", args=[engagement.pk])
    page = client.get(url).content.decode()
    sign = reverse("fieldwork:review_sign", args=[engagement.pk, sheets[0].pk])
    assert f'action="{sign}"' in page
    answer = client.post(sign, {"step": "reviewed"})
    assert answer["Location"] == f"{url}?step=reviewed&test={sheets[1].pk}"
    assert signing.living(sheets[0])["reviewed"].by == f.person("milan")
    one = reverse("fieldwork:review_one", args=[engagement.pk, sheets[1].pk])
    fragment = client.get(one, {"step": "reviewed"}, HTTP_HX_REQUEST="true").content.decode()
    assert "<html" not in fragment
    assert "Sign as reviewed" in fragment
    assert client.get(one, {"step": "reviewed"})["Location"].startswith(url)
    client.post(reverse("fieldwork:review_sign", args=[engagement.pk, sheets[1].pk]), {"step": "reviewed"})
    assert "Nothing waits for you" in client.get(url).content.decode()


def test_without_a_proof_of_the_last_minutes_nothing_is_signed(
    sheets: list[ControlTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "proved_recently", lambda _: False)
    sign = reverse("fieldwork:review_sign", args=[sheets[0].engagement_id, sheets[0].pk])
    asked = seen_by("milan").post(sign, {"step": "reviewed"})
    assert "reauthenticate" in asked["Location"]
    assert set(signing.living(sheets[0])) == {"prepared"}


def test_what_cannot_be_signed_is_not_offered(engagement: Engagement, sheets: list[ControlTest]) -> None:
    notes.raise_note(sheets[0], text="Which policy?", by=f.person("milan"))
    page = seen_by("milan").get(reverse("fieldwork:review", args=[engagement.pk])).content.decode()
    assert "F02: 1 review note is open." in page
    assert reverse("fieldwork:review_sign", args=[engagement.pk, sheets[0].pk]) not in page


@pytest.mark.parametrize(
    ("key", "status"), [("quinn", 200), ("petra", 200), ("sana", 403), ("ray", 403), ("carla", 403)]
)
def test_reviewers_have_a_queue(engagement: Engagement, key: str, status: int) -> None:
    assert seen_by(key).get(reverse("fieldwork:review", args=[engagement.pk])).status_code == status


@pytest.mark.drill
def test_more_sheets_are_no_more_queries(engagement: Engagement, sheets: list[ControlTest]) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as context:
            reviewing.queue(engagement, Step.REVIEWED, f.person("milan"))
            people_progress(engagement, controls_progress(engagement))
        return len(context)

    asked()
    few = asked()
    m.signed(m.concluded(engagement, a_control=m.control(engagement, "IAM-09")), "prepared")
    assert asked() == few


# --- void and visible


def test_the_sheet_shows_void_signatures_with_changes(engagement: Engagement, sheets: list[ControlTest]) -> None:
    test, who = sheets[0], f.people(engagement)
    (reviewed,) = m.signed(test, "reviewed")
    signing.return_to_preparer(test, reason="Look again.", by=who["milan"])
    m.cell(test, 1, "A", "n")
    client = seen_by("sana")
    page = client.get(test.get_absolute_url()).content.decode()
    url = reverse("fieldwork:changes_since", args=[engagement.pk, test.pk, reviewed.pk])
    assert url in page
    changes = client.get(url).content.decode()
    assert "Item 1, A: result" in changes
    assert "Look again." in changes


# --- progress


def test_progress_by_person(engagement: Engagement, sheets: list[ControlTest]) -> None:
    who = f.people(engagement)
    testing.assign(sheets[0], to=who["sana"], by=who["milan"])
    testing.assign(ControlTest.objects.get(control__number="IAM-08"), to=who["sana"], by=who["milan"])
    m.signed(sheets[0], "reviewed")
    notes.raise_note(sheets[0], text="Which policy?", by=who["milan"])
    people = {one.user.name: one for one in people_progress(engagement, controls_progress(engagement))}
    sana, milan = people["Sana Wolfe"], people["Milan Finch"]
    assert (sana.tests, sana.left, sana.assigned["reviewed"], sana.notes_to_answer) == (2, 1, 1, 1)
    assert (sana.signed["prepared"], milan.signed["reviewed"], milan.notes_raised) == (2, 1, 1)
    assert (sana.done, sana.items) == (3, 6)
    page = seen_by("quinn").get(reverse("fieldwork:progress", args=[engagement.pk])).content.decode()
    assert "Sana Wolfe" in page
    assert "CC6.2" in page


def test_the_queue_says_why_a_sheet_cannot_be_signed(sheets: list[ControlTest]) -> None:
    """The key that signs says so too: review.js reads it from the page."""
    notes.raise_note(sheets[0], text="Which report?", by=f.person("petra"))
    address = reverse("fieldwork:review_one", args=[sheets[0].engagement_id, sheets[0].pk])
    page = seen_by("milan").get(address, {"step": "reviewed"}, headers={"HX-Request": "true"}).content.decode()
    assert "data-sign=" not in page
    assert f'data-unsigned="{sheets[0]} cannot be signed yet. F02: 1 review note is open."' in page
