"""Names of files lead to the requests that they answer, and many files are given together or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from audit.models import Event
from engagements.models import Engagement, Stage
from evidence import requests, resumable, uploads
from evidence.matching import Candidate, guesses, words
from evidence.models import AlsoAnswers, EvidenceFile, EvidenceRequest, Upload
from evidence.views.matching import SHOWN
from jobs.models import Job
from jobs.running import run
from tests import factories as f
from tests.evidence import makers

ASKED = [
    Candidate("REQ-001", ["IAM-06"], "Disable logs of leavers", "Tickets and logs"),
    Candidate("REQ-002", ["IAM-08"], "Quarterly access reviews", "Reviews with their follow-up"),
    Candidate("REQ-014", ["CHG-02", "CHG-03"], "Change tickets sampled", ""),
    Candidate("REQ-140", [], "Backup restore test", "The protocol of the test"),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("REQ-014 list.csv", ["REQ-014"]),
        ("req_14_tickets.csv", ["REQ-014"]),
        ("Req 140 and REQ-2.pdf", ["REQ-002", "REQ-140"]),
        ("REQ-0140.pdf", ["REQ-140"]),
        ("IAM-08 Q1.pdf", ["REQ-002"]),
        ("chg03.png", ["REQ-014"]),
        ("access review March 2026.pdf", ["REQ-002"]),
        ("AccessReviews.xlsx", ["REQ-002"]),
        ("restore-test-protocol.pdf", ["REQ-140"]),
        ("leaver disable log.txt", ["REQ-001"]),
        ("IMG_2041.png", []),
        ("screenshot (3).png", []),
        ("REQ-1400.pdf", []),
        ("", []),
    ],
)
def test_names_lead_to_requests(name: str, expected: list[str]) -> None:
    found = guesses(name, ASKED)
    assert [guess.code for guess in found if guess.sure >= 0.9 or guess == found[0]] == expected


@given(name=st.text(max_size=60), titles=st.lists(st.text(max_size=40), max_size=8))
def test_any_name_is_matched_without_a_fault(name: str, titles: list[str]) -> None:
    asked = [Candidate(f"REQ-{number:03d}", [], title) for number, title in enumerate(titles, 1)]
    found = guesses(name, asked)
    assert found == guesses(name, asked)
    assert all(0 < guess.sure <= 1 for guess in found)
    assert len({guess.code for guess in found}) == len(found)


@given(title=st.text(alphabet="abcdefgh ", min_size=4, max_size=40).filter(lambda text: len(words(text)) > 1))
def test_a_file_named_as_the_title_is_found(title: str) -> None:
    asked = [*ASKED, Candidate("REQ-200", [], title)]
    assert "REQ-200" in [guess.code for guess in guesses(f"{title}.pdf", asked)]


@pytest.mark.django_db
class TestGiving:
    @pytest.fixture(autouse=True)
    def _staging(self, settings: Settings, tmp_path: Path) -> None:
        settings.UPLOAD_STAGING = tmp_path / "staging"

    @pytest.fixture
    def engagement(self) -> Engagement:
        return f.at_stage(f.accepted(), Stage.FIELDWORK)

    def drop(self, engagement: Engagement, *names: str, by: str = "owen") -> list[Upload]:
        user = f.people(engagement)[by]
        for name in names:
            content = f"disabled 2026-01-09 {name}".encode()
            made = resumable.begin(engagement, name=name, size=len(content), by=user, to_be_matched=True)
            resumable.take(made, io.BytesIO(content), at=0, by=user)
        for job in Job.objects.unfinished().filter(kind=resumable.JOB):
            run(job.pk)
        return list(Upload.objects.order_by("pk"))

    def test_one_file_answers_several_requests(self, engagement: Engagement) -> None:
        first, second = makers.request(engagement), makers.request(engagement)
        third = makers.request(engagement)
        one, two = self.drop(engagement, "REQ-001 log.txt", "other.txt")
        assert one.state == two.state == Upload.State.HELD
        assert not EvidenceFile.objects.exists()
        owen = f.people(engagement)["owen"]
        made = resumable.give({one: [first, second], two: [third]}, by=owen)
        assert [(file.code, file.request) for file in made] == [("E-001", first), ("E-002", third)]
        assert list(EvidenceFile.objects.answering(second)) == [made[0]]
        assert requests.submit(second, by=owen).state == "submitted"
        assert {event.action for event in Event.objects.filter(action__startswith="evidence.")} == {
            "evidence.received",
            "evidence.also_answers",
            "evidence.matched",
        }
        with pytest.raises(ValidationError):
            resumable.give({one: [first]}, by=owen)

    def test_all_or_none(self, engagement: Engagement) -> None:
        first, second = makers.request(engagement), makers.submitted(engagement)
        requests.accept(second, by=f.people(engagement)["sana"])
        before = EvidenceFile.objects.count()
        one, two = self.drop(engagement, "a.txt", "b.txt")
        with pytest.raises(ValidationError, match="accepted"):
            resumable.give({one: [first], two: [second]}, by=f.people(engagement)["owen"])
        assert EvidenceFile.objects.count() == before
        assert set(Upload.objects.values_list("state", flat=True)) == {"held"}

    def test_only_what_one_sent_and_only_to_ones_own_requests(self, engagement: Engagement) -> None:
        who = f.people(engagement)
        (mine,) = self.drop(engagement, "a.txt")
        with pytest.raises(PermissionDenied):
            resumable.give({mine: [makers.request(engagement)]}, by=who["carla"])
        with pytest.raises(PermissionDenied):
            resumable.give({mine: [makers.request(engagement, assigned_to=who["carla"])]}, by=who["owen"])

    def test_the_page_proposes_and_takes_corrections(self, engagement: Engagement) -> None:
        makers.request(engagement, title="Disable logs")
        makers.request(engagement, title="Access reviews")
        client = Client()
        client.force_login(f.people(engagement)["owen"], backend="django.contrib.auth.backends.ModelBackend")
        url = reverse("evidence:drop", args=[engagement.pk])
        sent = [
            SimpleUploadedFile("REQ-001.txt", b"x 2026-01-01"),
            SimpleUploadedFile("holiday.txt", b"y 2026-01-01"),
        ]
        assert client.post(url, {"file": sent}).status_code == 302
        self.drop(engagement)
        page = client.get(url).content.decode()
        assert "REQ-001 is in its name" in page
        assert "nothing in its name says what it answers" in page
        one, two = Upload.objects.order_by("pk")
        empty = client.post(url, {f"{one.token}-requests": []})
        assert empty.status_code == 422
        wrong = client.post(url, {f"{one.token}-requests": ["REQ-077"]})
        assert wrong.status_code == 422
        given_to = {f"{one.token}-requests": ["REQ-002", "REQ-001"], f"{one.token}-speaks_from": "2026-01-01"}
        assert client.post(url, given_to)["Location"] == url, "one file is left"
        file = EvidenceFile.objects.get()
        assert EvidenceRequest.objects.filter(code="REQ-001", files=file).exists()
        assert AlsoAnswers.objects.get().request.code == "REQ-002"
        assert str(file.speaks_from) == "2026-01-01"
        client.post(url, {"discard": str(two.token)})
        assert list(Upload.objects.values_list("state", flat=True)) == ["done"]

    @pytest.mark.drill
    def test_many_files_come_page_by_page_and_none_is_lost(self, engagement: Engagement) -> None:
        asked = makers.request(engagement)
        self.drop(engagement, *(f"log {number:02d}.txt" for number in range(SHOWN + 2)))
        client = Client()
        client.force_login(f.people(engagement)["owen"], backend="django.contrib.auth.backends.ModelBackend")
        url = reverse("evidence:drop", args=[engagement.pk])
        held = list(Upload.objects.order_by("name"))
        page = client.get(url).content.decode()
        assert [page.count(f"{one.token}-requests") > 0 for one in held] == [True] * SHOWN + [False] * 2
        given = [{f"{one.token}-requests": [asked.code] for one in part} for part in (held[:SHOWN], held[SHOWN:])]
        assert client.post(url, given[0])["Location"] == url, "two are left"
        assert EvidenceFile.objects.count() == SHOWN
        page = client.get(url).content.decode()
        assert all(f"{one.token}-requests" in page for one in held[SHOWN:])
        client.post(url, given[1])
        assert EvidenceFile.objects.count() == SHOWN + 2

    def test_it_can_be_taken_back_until_the_request_is_accepted(self, engagement: Engagement) -> None:
        who = f.people(engagement)
        first, second = makers.request(engagement), makers.request(engagement)
        file = makers.upload(first)
        client = Client()
        client.force_login(who["owen"], backend="django.contrib.auth.backends.ModelBackend")
        url = reverse("evidence:also_answers", args=[engagement.pk, file.code])
        client.post(url, {"requests": ["REQ-002"]})
        assert (
            file.code in client.get(reverse("evidence:request", args=[engagement.pk, "REQ-002"])).content.decode()
        )
        client.post(url, {"end": "REQ-002"})
        assert not AlsoAnswers.objects.exists()
        uploads.answer_also(file, [second], by=who["owen"])
        requests.submit(second, by=who["owen"])
        requests.accept(second, by=who["sana"])
        with pytest.raises(ValidationError, match="accepted"):
            uploads.no_longer_answers(file, second, by=who["owen"])
        with pytest.raises(PermissionDenied):
            uploads.answer_also(file, [first], by=who["sana"])
