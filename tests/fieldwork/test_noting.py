"""Review notes at anything of an engagement: open, answered, cleared by the raiser; none is open at issue."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from engagements.models import Engagement
from engagements.register import findings
from engagements.waiting import waiting_for
from evidence.models import EvidenceRequest, Population, Reconciliation
from fieldwork import deviations, notes, noting, testing
from fieldwork.models import ControlTest, Deviation, ReviewNote, Sample
from tests import factories as f
from tests.evidence.makers import LEAVERS, begun
from tests.fieldwork import makers as m
from tests.remembered import remembered

pytestmark = pytest.mark.django_db


@pytest.fixture
@remembered
def engagement() -> Engagement:
    """A worked sheet on a sample, with an exception."""
    made = m.at_fieldwork()
    control = m.control(made)
    test = m.planned(made, control, a_sample=m.sample(made, control, size=25))
    m.raised(test, m.worked(test, deviating=[(2, "B")]))
    begun(Population.objects.get(engagement=made), LEAVERS)
    return made


def things(engagement: Engagement) -> dict[str, object]:
    of_it = {"engagement": engagement}
    return {
        "test": ControlTest.objects.get(**of_it).pk,
        "exception": "EX-01",
        "sample": Sample.objects.get(**of_it).pk,
        "control": "IAM-06",
        "population": Population.objects.get(**of_it).pk,
        "request": EvidenceRequest.objects.filter(**of_it)[0].code,
        "file": EvidenceRequest.objects.filter(**of_it)[0].files.all()[0].code,
        "reconciliation": Reconciliation.objects.get(**of_it).pk,
    }


def test_at_everything_from_open_to_cleared(engagement: Engagement) -> None:
    milan, sana = f.person("milan"), f.person("sana")
    for kind, key in things(engagement).items():
        place = noting.noted(engagement, kind, str(key))
        note = notes.raise_note(place, text="Why?", by=milan)
        assert (note.target, bool(note.label), bool(note.test)) == (f"{kind}:{key}", True, kind == "test")
        assert place.url
        notes.answer(note, text="Because of the form.", by=sana)
        with pytest.raises(PermissionDenied):
            notes.clear(note, by=sana)
    assert {kind.key for kind in noting.kinds()} >= {*things(engagement), "description", "matter", "draft"}
    open_ones = [one for one in findings("issue", engagement) if one.rule == "F02"]
    assert len(open_ones) == len(things(engagement))
    assert "EX-01 has 1 open review note." in [one.text for one in open_ones]
    for note in ReviewNote.objects.all():
        notes.clear(note, by=milan)
    assert "F02" not in {one.rule for one in findings("issue", engagement)}


def test_only_at_what_is_there(engagement: Engagement) -> None:
    for kind, key in (("exception", "EX-99"), ("sample", "x"), ("test", "9" * 17), ("weather", "1"), ("file", "")):
        with pytest.raises(noting.NothingThere):
            noting.noted(engagement, kind, key)
    other = m.at_fieldwork()
    with pytest.raises(noting.NothingThere):
        noting.noted(other, "exception", "EX-01")


def test_raised_by_reviewers_with_words_and_never_changed(engagement: Engagement) -> None:
    place = noting.noted(engagement, "exception", "EX-01")
    with pytest.raises(PermissionDenied):
        notes.raise_note(place, text="Why?", by=f.person("sana"))
    with pytest.raises(ValidationError, match="Say what is to be done"):
        notes.raise_note(place, text=" ", by=f.person("quinn"))
    notes.raise_note(place, text="Why?", by=f.person("quinn"))
    for act in (lambda: ReviewNote.objects.update(text="x"), lambda: ReviewNote.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


@pytest.mark.drill
def test_in_panel_page_and_list(engagement: Engagement, client: Client) -> None:
    client.force_login(f.person("milan"))
    for kind, key in things(engagement).items():
        place = noting.noted(engagement, kind, str(key))
        url = noting.url_of(engagement, place.target)
        button = f'hx-get="{url if kind != "test" else reverse("fieldwork:notes", args=[engagement.pk, key])}"'
        assert button in client.get(place.url).content.decode(), kind
        assert client.post(url, {"text": f"About {kind}"})["Location"] == url
        shown = client.get(place.url).content.decode().partition(button)[2].partition("</a>")[0]
        assert ">1</span>" in shown, kind
        assert f"About {kind}" in client.get(url, HTTP_HX_REQUEST="true").content.decode()
    assert client.post(url, {"text": ""}).status_code == 422
    assert client.get(reverse("fieldwork:notes_at", args=[engagement.pk, "exception", "EX-99"])).status_code == 404
    listed = client.get(reverse("fieldwork:note_list", args=[engagement.pk])).content.decode()
    assert all(f"About {kind}" in listed for kind in things(engagement))
    note = ReviewNote.objects.get(text="About exception")
    client.post(reverse("fieldwork:note", args=[engagement.pk, note.pk]), {"act": "clear"})
    note.refresh_from_db()
    assert note.cleared_at is not None


def waits(user: User) -> list[str]:
    return [one.text for one in waiting_for(user, today=timezone.localdate())]


@pytest.mark.parametrize("key", ["carla", "owen", "sig"])
def test_the_client_sees_none(engagement: Engagement, client: Client, key: str) -> None:
    client.force_login(f.person(key))
    for name, args in (("note_list", []), ("notes_at", ["exception", "EX-01"])):
        assert client.get(reverse(f"fieldwork:{name}", args=[engagement.pk, *args])).status_code == 403
    deviations.release_to_client(m.evaluated(Deviation.objects.get()), by=f.person("milan"))
    for kind, thing in things(engagement).items():
        page = client.get(noting.noted(engagement, kind, str(thing)).url)
        assert page.status_code in {200, 403, 404}
        assert b"/notes/" not in page.content, kind


def test_it_waits_for_who_answers_and_then_for_who_raised(engagement: Engagement) -> None:
    test, sana, milan = ControlTest.objects.get(), f.person("sana"), f.person("milan")
    testing.assign(test, to=sana, by=milan)
    note = notes.raise_note(test, text="Which policy?", by=milan)
    assert "Review note: Which policy?" in waits(sana)
    notes.answer(note, text="IS-04.", by=sana)
    assert "Review note: Which policy?" not in waits(sana)
    assert "Answered: Which policy?" in waits(milan)
