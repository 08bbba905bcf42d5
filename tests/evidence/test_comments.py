"""What is said about a request: who reads it, whom it names; the client never reads the notes of the firm."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from engagements.activity import CSV, Search, take, visible_events
from engagements.models import Engagement, Stage
from engagements.waiting import waiting_for
from evidence import comments, digest
from evidence.correspondence import Mention, RequestComment
from evidence.models import EvidenceRequest
from tests import factories as f
from tests.evidence import makers
from tests.permissions.world import BACKEND

pytestmark = pytest.mark.django_db

SECRET = "Count contractors first"


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


@pytest.fixture
def asked(engagement: Engagement) -> EvidenceRequest:
    return makers.request(engagement)


def page(user: User, url: str) -> str:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client.get(url).content.decode()


@dataclasses.dataclass
class Named:
    """A person for the pure functions."""

    pk: int
    name: str


PEOPLE: Any = [Named(1, "Owen Pike"), Named(2, "Owen Pikewood"), Named(3, "Sana Wolfe"), Named(4, "Ana de la Cruz")]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@Sana Wolfe please look", [3]),
        ("@sana, please", [3]),
        ("Thanks @Sana", [3]),
        ("@Owen please", []),  # two have this first name
        ("@Owen Pike.", [1]),
        ("@Owen Pikewood and @Sana", [2, 3]),
        ("(@Ana de la Cruz) @Ana @Ana", [4]),
        ("write to sana@Sana Wolfe", []),
        ("@Sanat is somebody else", []),
        ("@ Sana", []),
        ("", []),
    ],
)
def test_who_is_named(text: str, named: list[int]) -> None:
    assert [user.pk for user in comments.mentioned(text, PEOPLE)] == named


def test_the_pieces_make_the_text() -> None:
    text = "Dear @Sana Wolfe and @sana,\nsee @nobody."
    found = comments.pieces(text, PEOPLE)
    assert "".join(words for words, _ in found) == text
    assert [words for words, named in found if named] == ["@Sana Wolfe", "@sana"]


def test_the_client_never_reads_the_notes_of_the_firm(engagement: Engagement, asked: EvidenceRequest) -> None:
    """Neither on the page nor by the interface, search, activity, its export, the home page or mail."""
    who = f.people(engagement)
    before = timezone.now()
    comments.comment(asked, text="Both tenants?", by=who["owen"])
    comments.comment(asked, text=f"{SECRET} @Milan Finch", by=who["sana"], internal=True)
    assert SECRET in page(who["ray"], asked.get_absolute_url())
    for key in ("owen", "carla"):
        user = who[key]
        assert "Both tenants?" in page(user, asked.get_absolute_url())
        seen = [
            page(user, asked.get_absolute_url()),
            page(user, reverse("evidence:requests", args=[engagement.pk])),
            page(user, reverse("api:requests", args=[engagement.pk])),
            page(user, f"{reverse('palette')}?engagement={engagement.pk}&q=contractors"),
            page(user, reverse("home")),
            page(user, reverse("engagements:overview", args=[engagement.pk])),
        ]
        for text in seen:
            assert "contractors" not in text
            assert "otes of the firm" not in text
        assert "2 comments" not in seen[1]
        told = digest.news(user, since=before, until=timezone.now(), today=timezone.localdate())
        assert "notes" not in str([one.groups for one in told])
    for key in ("carla", "sana"):
        may = comments.permissions_of(who[key], engagement)
        events = visible_events(engagement, may)
        export = take(events, Search({}), CSV, of=engagement, by=who[key]).content.decode()
        assert ("wrote a note" in export) is (key == "sana")
        assert SECRET not in export
    assert not mail.outbox


def test_the_client_writes_no_note_of_the_firm(engagement: Engagement, asked: EvidenceRequest) -> None:
    who = f.people(engagement)
    with pytest.raises(PermissionDenied):
        comments.comment(asked, text="x", by=who["carla"], internal=True)
    client = Client()
    client.force_login(who["owen"], backend=BACKEND)
    url = reverse("evidence:comment", args=[engagement.pk, asked.code])
    assert client.post(url, {"text": "x", "internal": "on"}).status_code == 403
    assert not RequestComment.objects.exists()


@pytest.mark.parametrize(
    ("text", "internal", "words"),
    [
        (" ", False, "Write something"),
        ("x" * 5_001, False, "At most 5,000"),
        ("@Owen Pike look", True, "never sees this note"),
        ("@Subhash Rao look", False, "does not see this request"),
    ],
)
def test_what_is_refused(asked: EvidenceRequest, text: str, internal: bool, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        comments.comment(asked, text=text, by=f.people(asked.engagement)["sana"], internal=internal)
    assert not RequestComment.objects.exists()


def test_a_draft_has_notes_only(engagement: Engagement) -> None:
    draft, sana = makers.request(engagement, open_=False), f.people(engagement)["sana"]
    with pytest.raises(ValidationError, match="no reader"):
        comments.comment(draft, text="Hello", by=sana)
    assert comments.comment(draft, text="Hello", by=sana, internal=True).internal


@pytest.mark.parametrize("key", ["ray", "sub"])
def test_who_may_not(asked: EvidenceRequest, key: str) -> None:
    with pytest.raises(PermissionDenied):
        comments.comment(asked, text="Hello", by=f.people(asked.engagement)[key])


def test_it_waits_for_who_is_named_until_they_answer(engagement: Engagement, asked: EvidenceRequest) -> None:
    who = f.people(engagement)
    comments.comment(asked, text="@Sana and @Milan, which tenant?", by=who["owen"])

    def waits(key: str) -> bool:
        return any("names you" in one.text for one in waiting_for(who[key], today=timezone.localdate()))

    assert waits("sana")
    assert waits("milan")
    comments.comment(asked, text="Among us: both.", by=who["sana"], internal=True)
    assert waits("sana")  # the client has no answer yet
    comments.comment(asked, text="Both.", by=who["sana"])
    assert not waits("sana")
    assert comments.put_aside(asked, by=who["milan"]) == 1
    assert comments.put_aside(asked, by=who["milan"]) == 0
    assert not waits("milan")


def test_who_is_asked_no_longer_is_not_reminded(engagement: Engagement, asked: EvidenceRequest) -> None:
    who = f.people(engagement)
    comments.comment(asked, text="@Owen Pike, which tenant?", by=who["sana"])
    EvidenceRequest.objects.filter(pk=asked.pk).update(assigned_to=who["carla"])
    assert not any("names you" in one.text for one in waiting_for(who["owen"], today=timezone.localdate()))


def test_what_was_said_stays(asked: EvidenceRequest) -> None:
    made = comments.comment(asked, text="Hello", by=f.people(asked.engagement)["sana"])
    for change in (lambda: RequestComment.objects.update(text="No"), made.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_the_page_keeps_what_was_typed(engagement: Engagement, asked: EvidenceRequest) -> None:
    who = f.people(engagement)
    client = Client()
    client.force_login(who["sana"], backend=BACKEND)
    url = reverse("evidence:comment", args=[engagement.pk, asked.code])
    response = client.post(url, {"text": "@Subhash Rao, look <b>here</b>"})
    assert response.status_code == 422
    assert b"&lt;b&gt;here" in response.content
    assert client.post(url, {"text": "@Owen Pike <b>here</b>"}).status_code == 302
    said = page(who["owen"], asked.get_absolute_url())
    assert '<b class="named">@Owen Pike</b>' in said
    assert "&lt;b&gt;here" in said
    assert Mention.objects.get().user == who["owen"]
