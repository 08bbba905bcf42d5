"""The pages of requests, files and populations, for both sides, and what they refuse."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import IO, Any

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from engagements.models import Engagement, Stage
from evidence import listings, populations, requests
from evidence.models import EvidenceFile, EvidenceRequest, Population
from evidence.storage import stored_name
from evidence.views import files
from tests import factories as f
from tests.evidence import makers

pytestmark = pytest.mark.django_db


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


def as_(engagement: Engagement, key: str) -> Client:
    client = Client()
    client.force_login(f.people(engagement)[key], backend="django.contrib.auth.backends.ModelBackend")
    return client


def url(name: str, engagement: Engagement, *args: object) -> str:
    return reverse(f"evidence:{name}", args=[engagement.pk, *args])


def text_file(content: bytes = b"disabled 2026-01-09\n", name: str = "log.txt") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


class TestRequestList:
    def test_empty_states(self, engagement: Engagement) -> None:
        assert b"No requests yet" in as_(engagement, "sana").get(url("requests", engagement)).content
        assert b"When the auditor asks" in as_(engagement, "owen").get(url("requests", engagement)).content

    def test_who_sees_which(self, engagement: Engagement) -> None:
        who = f.people(engagement)
        makers.request(engagement, title="Drafted", open_=False)
        makers.request(engagement, title="For Owen")
        makers.request(engagement, title="For Carla", assigned_to=who["carla"])
        seen = {
            key: [
                title
                for title in ("Drafted", "For Owen", "For Carla")
                if title in as_(engagement, key).get(url("requests", engagement)).content.decode()
            ]
            for key in ("sana", "ray", "carla", "owen")
        }
        assert seen == {
            "sana": ["Drafted", "For Owen", "For Carla"],
            "ray": ["Drafted", "For Owen", "For Carla"],
            "carla": ["For Owen", "For Carla"],
            "owen": ["For Owen"],
        }

    def test_filters_without_scripts(self, engagement: Engagement) -> None:
        makers.request(engagement, title="Disable logs", due=dt.date(2020, 1, 1))
        makers.submitted(engagement, title="Minutes")
        page = as_(engagement, "sana")
        for query, found in (
            ({"state": "submitted"}, ["Minutes"]),
            ({"timing": "late"}, ["Disable logs"]),
            ({"q": "minutes"}, ["Minutes"]),
            ({"owner": f.people(engagement)["owen"].pk}, ["Disable logs", "Minutes"]),
        ):
            rows = page.get(url("requests", engagement), {**query, "nojs": "1"}).context["rows"]
            assert [row.title for row in rows] == found

    def test_queries_do_not_grow_with_the_list(self, engagement: Engagement) -> None:
        control, client = makers.control(engagement), as_(engagement, "sana")
        counts = []
        # The first page of a person notes that they were seen.
        client.get(url("requests", engagement))
        for more in (1, 10):
            for _ in range(more):
                makers.request(engagement, controls=[control])
            with CaptureQueriesContext(connection) as queries:
                client.get(url("requests", engagement))
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 22

    def test_bulk(self, engagement: Engagement) -> None:
        drafts = [makers.request(engagement, open_=False, assigned_to=None) for _ in range(3)]
        client, act = as_(engagement, "sana"), url("act_on_requests", engagement)
        ids = [one.pk for one in drafts]
        client.post(act, {"act": "open", "ids": ids})
        assert set(EvidenceRequest.objects.values_list("state", flat=True)) == {"open"}
        carla = f.people(engagement)["carla"]
        client.post(act, {"act": "assign", "ids": ids, "assigned_to": carla.pk})
        assert set(EvidenceRequest.objects.values_list("assigned_to", flat=True)) == {carla.pk}
        due = timezone.localdate() + dt.timedelta(days=9)
        client.post(act, {"act": "due", "ids": ids, "due": due.isoformat()})
        assert set(EvidenceRequest.objects.values_list("due", flat=True)) == {due}

    def test_bulk_does_what_it_can_and_says_what_not(self, engagement: Engagement) -> None:
        done = requests.accept(makers.submitted(engagement), by=f.people(engagement)["sana"])
        other = makers.request(engagement)
        response = as_(engagement, "sana").post(
            url("act_on_requests", engagement),
            {"act": "assign", "ids": [other.pk, done.pk], "assigned_to": f.people(engagement)["carla"].pk},
            follow=True,
        )
        assert b"1 request assigned." in response.content
        assert f"{done} is accepted and cannot be assigned." in response.content.decode()
        other.refresh_from_db()
        done.refresh_from_db()
        assert (other.assigned_to, done.assigned_to) == (
            f.people(engagement)["carla"],
            f.people(engagement)["owen"],
        )

    def test_bulk_ignores_other_engagements(self, engagement: Engagement) -> None:
        other = f.at_stage(f.accepted(a_client=f.client(name="Southlake Press LLC")), Stage.FIELDWORK)
        foreign = makers.request(other, open_=False)
        as_(engagement, "sana").post(url("act_on_requests", engagement), {"act": "open", "ids": [foreign.pk]})
        foreign.refresh_from_db()
        assert foreign.state == "draft"


class TestMaking:
    def test_a_request(self, engagement: Engagement) -> None:
        control = makers.control(engagement)
        due = timezone.localdate() + dt.timedelta(days=14)
        values = {
            "title": "Disable logs",
            "detail": "All.",
            "controls": [control.pk],
            "due": due,
            "priority": "normal",
        }
        as_(engagement, "sana").post(url("make_request", engagement), {**values, "open": "1"})
        made = EvidenceRequest.objects.get()
        assert (made.code, made.state, list(made.controls.all())) == ("REQ-001", "open", [control])

    def test_what_was_typed_stays(self, engagement: Engagement) -> None:
        values = {"title": "Disable logs", "detail": "Of all systems", "due": "2020-01-01", "priority": "high"}
        response = as_(engagement, "sana").post(url("make_request", engagement), values)
        assert response.status_code == 422
        assert b"lies in the past" in response.content
        assert b"Of all systems" in response.content

    def test_from_controls(self, engagement: Engagement) -> None:
        controls = [makers.control(engagement, f"IAM-0{number}") for number in range(1, 4)]
        client, page = as_(engagement, "sana"), url("make_requests", engagement)
        assert client.get(page).context["picked"] == [str(control.pk) for control in controls]
        due = timezone.localdate() + dt.timedelta(days=14)
        values = {"controls": [control.pk for control in controls], "due": due}
        client.post(page, {**values, "open_now": "on"})
        assert EvidenceRequest.objects.filter(state="open").count() == 3
        client.post(page, values)
        assert EvidenceRequest.objects.count() == 3
        assert client.get(page).context["picked"] == []

    def test_change(self, engagement: Engagement) -> None:
        asked = makers.request(engagement)
        client, page = as_(engagement, "sana"), url("edit_request", engagement, asked.code)
        assert b"Disable logs" in client.get(page).content
        values = {"title": "Disable logs, all systems", "due": asked.due, "priority": "high", "detail": ""}
        assert client.post(page, values).status_code == 302
        asked.refresh_from_db()
        assert (asked.title, asked.priority, asked.assigned_to) == ("Disable logs, all systems", "high", None)


class TestAnswering:
    def test_from_upload_to_acceptance(self, engagement: Engagement) -> None:
        asked = makers.request(engagement)
        owen, sana = as_(engagement, "owen"), as_(engagement, "sana")
        owen.post(url("upload", engagement, asked.code), {"file": [text_file(), text_file(b"two", "b.txt")]})
        assert EvidenceFile.objects.count() == 2
        page = owen.get(asked.get_absolute_url()).content.decode()
        assert "E-001" in page
        assert "Submit to the auditor" in page
        owen.post(url("submit_request", engagement, asked.code))
        response = sana.post(url("return_request", engagement, asked.code), {"reason": ""})
        assert response.status_code == 422
        sana.post(url("return_request", engagement, asked.code), {"reason": "The third leaver is missing."})
        assert b"third leaver is missing" in owen.get(asked.get_absolute_url()).content
        owen.post(url("submit_request", engagement, asked.code))
        sana.post(url("accept_request", engagement, asked.code))
        asked.refresh_from_db()
        assert asked.state == "accepted"

    def test_scripts_are_answered_with_words(self, engagement: Engagement) -> None:
        asked = makers.request(engagement)
        client, to = as_(engagement, "owen"), url("upload", engagement, asked.code)
        good = client.post(to, {"file": text_file()}, headers={"accept": "application/json"})
        assert (good.status_code, good.json()) == (201, {"message": "E-001 received"})
        bad = client.post(to, {"file": text_file(b"MZ", "a.exe")}, headers={"accept": "application/json"})
        assert bad.status_code == 422
        assert "not accepted" in bad.json()["error"]
        empty = client.post(to, {"file": text_file(b"")}, headers={"accept": "application/json"})
        assert "empty" in empty.json()["error"]
        assert b"E-001" in client.get(to).content

    def test_refusals_without_scripts_stand_at_the_form(self, engagement: Engagement) -> None:
        asked = makers.request(engagement)
        client, to = as_(engagement, "owen"), url("upload", engagement, asked.code)
        response = client.post(to, {"file": text_file(b"MZ", "a.exe")})
        assert response.status_code == 422
        assert b"a.exe: Files ending in .exe are not accepted" in response.content
        mixed = client.post(to, {"file": [text_file(), text_file(b"MZ", "a.exe")]}, follow=True)
        assert b"a.exe" in mixed.content
        assert EvidenceFile.objects.count() == 1

    def test_replacing(self, engagement: Engagement) -> None:
        asked = makers.request(engagement)
        makers.upload(asked)
        client = as_(engagement, "owen")
        client.post(url("upload", engagement, asked.code), {"file": text_file(b"newer"), "replaces": "E-001"})
        new = EvidenceFile.objects.get(code="E-002")
        assert new.version == 2
        assert b"replaces" in client.get(asked.get_absolute_url()).content
        assert b"Versions" in client.get(new.get_absolute_url()).content

    def test_the_auditor_adds_what_it_obtained(self, engagement: Engagement) -> None:
        asked = makers.request(engagement)
        as_(engagement, "sana").post(url("upload", engagement, asked.code), {"file": text_file()})
        as_(engagement, "sana").post(url("obtain", engagement), {"file": text_file(b"walkthrough")})
        assert EvidenceFile.objects.filter(obtained_by_auditor=True).count() == 2
        assert b"E-00" not in as_(engagement, "carla").get(asked.get_absolute_url()).content
        assert b"E-00" not in as_(engagement, "carla").get(url("files", engagement)).content
        assert as_(engagement, "carla").get(url("file", engagement, "E-001")).status_code == 404
        assert as_(engagement, "carla").get(url("download", engagement, "E-002")).status_code == 404

    def test_client_admin_hands_a_request_on(self, engagement: Engagement) -> None:
        asked, sig = makers.request(engagement), f.people(engagement)["sig"]
        as_(engagement, "carla").post(url("assign_request", engagement, asked.code), {"assigned_to": sig.pk})
        asked.refresh_from_db()
        assert asked.assigned_to == sig

    @pytest.mark.parametrize("name", ["accept_request", "return_request"])
    @pytest.mark.parametrize("key", ["owen", "carla", "ray", "quinn"])
    def test_only_the_firms_team_decides(self, engagement: Engagement, name: str, key: str) -> None:
        asked = makers.submitted(engagement)
        response = as_(engagement, key).post(url(name, engagement, asked.code), {"reason": "no"})
        assert response.status_code == 403
        asked.refresh_from_db()
        assert asked.state == "submitted"


class TestDownload:
    def test_headers(self, engagement: Engagement) -> None:
        file = makers.upload(makers.request(engagement), name='Ünterlagen "Q1".txt')
        response = as_(engagement, "owen").get(url("download", engagement, file.code))
        assert b"".join(response.streaming_content) == b"disabled 2026-01-09 by owen\n"  # type: ignore[attr-defined]
        assert response["Content-Disposition"].startswith("attachment; filename")
        assert "%C3%9C" in response["Content-Disposition"]
        assert response["Content-Type"] == "text/plain"
        assert response["Content-Length"] == str(file.size)
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert response["Cache-Control"] == "private, no-store"
        assert response["Cross-Origin-Resource-Policy"] == "same-origin"

    def test_altered_bytes_are_not_handed_out(self, engagement: Engagement) -> None:
        file = makers.upload(makers.request(engagement))
        Path(storages["evidence"].path(file.storage_name)).write_bytes(b"forged")
        response = as_(engagement, "sana").get(url("download", engagement, file.code))
        assert response.status_code == 409
        assert b"forged" not in response.content
        assert b"not what was received" in response.content
        assert as_(engagement, "owen").get(url("download", engagement, file.code)).status_code == 409
        # Found once, kept with the file, and on the record for both sides.
        assert Event.objects.get(action="evidence.altered").target_label == file.code
        assert (
            b"What is stored is not what was received"
            in as_(engagement, "owen").get(file.get_absolute_url()).content
        )

    def test_somebody_elses(self, engagement: Engagement) -> None:
        file = makers.upload(makers.request(engagement))
        other = f.at_stage(f.accepted(a_client=f.client(name="Southlake Press LLC")), Stage.FIELDWORK)
        assert as_(engagement, "owen").get(url("download", other, file.code)).status_code == 404
        stranger = Client()
        stranger.force_login(f.person("nemo"), backend="django.contrib.auth.backends.ModelBackend")
        for name in ("file", "download"):
            assert stranger.get(url(name, engagement, file.code)).status_code == 404
        assert as_(engagement, "sub").get(url("download", engagement, file.code)).status_code == 404


class TestPopulations:
    def test_a_file_is_read_once_in_all_steps(
        self, engagement: Engagement, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read, names = listings.read, []

        def counted(content: IO[bytes], name: str, **options: Any) -> listings.Listing:
            names.append(name)
            return read(content, name, **options)

        monkeypatch.setattr(listings, "read", counted)
        client = as_(engagement, "owen")
        step = client.post(url("choose_listing", engagement), {"file": text_file(makers.LEAVERS, "leavers.csv")})
        first = client.get(step["Location"]).context["first_rows"]
        assert client.get(step["Location"]).context["first_rows"] == first
        assert names == ["leavers.csv"]
        file = EvidenceFile.objects.get()
        assert populations.read(engagement, file) == read(io.BytesIO(makers.LEAVERS), "leavers.csv")
        # What is remembered is used only as it was kept.
        kept = populations.read(engagement, file)
        name = stored_name(engagement.pk, listings.digest(kept))
        Path(storages["evidence"].path(name)).write_bytes(b"forged")
        assert populations.read(engagement, file) == kept
        assert names == ["leavers.csv"] * 2

    def test_two_steps(self, engagement: Engagement) -> None:
        control, client = makers.control(engagement), as_(engagement, "owen")
        bad = client.post(url("choose_listing", engagement), {"file": text_file(b"a,b\n1,2,3\n", "x.csv")})
        assert bad.status_code == 422
        assert b"Row 2 has 3 cells" in bad.content
        assert not EvidenceFile.objects.exists()
        step = client.post(url("choose_listing", engagement), {"file": text_file(makers.LEAVERS, "leavers.csv")})
        assert step.status_code == 302
        page = client.get(step["Location"])
        assert b"Ada Frost" in page.content
        assert page.context["form"]["key_column"].initial == "ticket"
        values = {
            **{name: value for name, value in makers.ipe().items() if name != "run_at"},
            "run_at": "2026-10-02T09:30",
            "name": "Leavers",
            "key_column": "employee",
            "date_column": "left on",
        }
        again = client.post(step["Location"], values)
        assert again.status_code == 422
        assert b"Terminations by last day" in again.content
        done = client.post(step["Location"], {**values, "controls": [control.pk]})
        made = Population.objects.get()
        assert done["Location"] == made.get_absolute_url()
        assert (made.row_count, made.key_column, made.run_at.hour) == (3, "employee", 9)

    def test_accepting_shows_what_is_wrong_at_the_form(self, engagement: Engagement) -> None:
        made = makers.population(engagement, ipe={"system_row_count": 4})
        client = as_(engagement, "sana")
        page = client.get(made.get_absolute_url()).content.decode()
        assert "3 rows, the system counts 4" in page
        values = {"conclusion": "Compared with the HR system's count.", "precision_adequate": "on"}
        refused = client.post(url("accept_population", engagement, made.pk), values)
        assert refused.status_code == 422
        assert b"Compared with the HR" in refused.content
        client.post(
            url("accept_population", engagement, made.pk),
            {**values, "difference_explained": "One was entered twice."},
        )
        made.refresh_from_db()
        assert made.state == "accepted"

    def test_client_does_not_see_the_conclusion(self, engagement: Engagement) -> None:
        made = makers.population(engagement)
        populations.accept(
            made, conclusion="Watched it run.", precision_adequate=True, by=f.people(engagement)["sana"]
        )
        assert b"Watched it run" in as_(engagement, "ray").get(made.get_absolute_url()).content
        for key in ("carla", "owen"):
            assert b"Watched it run" not in as_(engagement, key).get(made.get_absolute_url()).content
        assert as_(engagement, "sub").get(made.get_absolute_url()).status_code == 403

    def test_refusing(self, engagement: Engagement) -> None:
        made, client = makers.population(engagement), as_(engagement, "sana")
        assert client.post(url("refuse_population", engagement, made.pk), {}).status_code == 422
        client.post(url("refuse_population", engagement, made.pk), {"reason": "Contractors are missing."})
        page = as_(engagement, "owen").get(made.get_absolute_url()).content
        assert b"Contractors are missing" in page
        assert b"Newer version" in page

    def test_listing_as_read(self, engagement: Engagement) -> None:
        made = makers.population(engagement)
        response = as_(engagement, "sana").get(url("listing", engagement, made.pk))
        assert b"".join(response.streaming_content).startswith(b'"ticket","employee","left on"\n')  # type: ignore[attr-defined]
        assert response["Content-Disposition"] == 'attachment; filename="POP-001-v1.csv"'

    def test_list(self, engagement: Engagement) -> None:
        assert b"No populations yet" in as_(engagement, "owen").get(url("populations", engagement)).content
        makers.population(engagement)
        assert b"POP-001" in as_(engagement, "sana").get(url("populations", engagement)).content


def test_a_long_list_of_files_comes_by_pages_filtered_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = f.at_stage(f.accepted(), Stage.FIELDWORK)
    asked = makers.request(engagement)
    for number in range(5):
        makers.upload(asked, b"disabled 2026-01-0%d" % (number + 1), name=f"log-{number}.txt")
    client = Client()
    client.force_login(f.people(engagement)["owen"], backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("evidence:files", args=[engagement.pk])
    client.get(url)
    with CaptureQueriesContext(connection) as at_once:
        whole = client.get(url).content.decode()
    assert 'data-filter="files"' in whole
    assert all(f"log-{number}.txt" in whole for number in range(5))
    monkeypatch.setattr(files, "ON_A_PAGE", 2)
    with CaptureQueriesContext(connection) as by_pages:
        first = client.get(url)
    assert len(by_pages) == len(at_once)
    last = client.get(url, {"page": 3})
    assert [file.name for file in first.context["rows"]] == ["log-0.txt", "log-1.txt"]
    assert [file.name for file in last.context["rows"]] == ["log-4.txt"]
    assert "1 to 2 of 5 files" in first.content.decode()
    assert 'data-filter="files"' not in first.content.decode(), "a script would filter one page only"
    found = client.get(url, {"nojs": 1, "q": "log-4"})
    assert [file.name for file in found.context["rows"]] == ["log-4.txt"]
    assert [file.name for file in client.get(url, {"text": "log-3"}).context["rows"]] == ["log-3.txt"]
