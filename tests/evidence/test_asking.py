"""Requests made by the dozen: from the shipped list, the firm's own, an earlier period, and from a table."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from engagements.models import Engagement, Stage
from evidence import asking, importing, requests, tables
from evidence.correspondence import RequestList
from evidence.models import EvidenceRequest
from tests import factories as f
from tests.evidence import makers
from tests.permissions.world import BACKEND

pytestmark = pytest.mark.django_db

HEAD = "Request,What is needed,From,To,Controls,Owner,Due,Priority"


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


@pytest.fixture
def client(engagement: Engagement) -> Client:
    made = Client()
    made.force_login(f.people(engagement)["sana"], backend=BACKEND)
    return made


class TestLists:
    def test_the_shipped_one_reads(self) -> None:
        lines = asking.shipped()
        assert len(lines) >= 20
        assert len({line.title for line in lines}) == len(lines)
        assert all(line.detail and line.covers in asking.COVERS for line in lines)
        assert {line.priority for line in lines} == set(EvidenceRequest.Priority.values)

    def test_made_from_it(self, engagement: Engagement, client: Client) -> None:
        url = reverse("evidence:make_from_list", args=[engagement.pk])
        assert client.get(url, {"source": "shipped"}).status_code == 200
        due = timezone.localdate() + dt.timedelta(days=5)
        client.post(url, {"source": "shipped", "lines": ["0", "1", "2"], "due": due.isoformat(), "open_now": "on"})
        made = list(EvidenceRequest.objects.all())
        lines = asking.shipped()
        assert [one.title for one in made] == [line.title for line in lines[:3]]
        assert [one.due for one in made] == [due + dt.timedelta(days=line.after) for line in lines[:3]]
        assert (made[0].covers_from, made[0].covers_to) == (dt.date(2026, 9, 30), dt.date(2026, 9, 30))
        assert (made[1].covers_from, made[1].covers_to) == (dt.date(2025, 10, 1), dt.date(2026, 9, 30))
        assert {one.state for one in made} == {"open"}
        page = client.get(url, {"source": "shipped"})
        assert [row["asked"] for row in page.context["rows"]][:4] == ["REQ-001", "REQ-002", "REQ-003", ""]

    @pytest.mark.parametrize("values", [{"lines": ["999"]}, {"lines": []}, {"due": "2020-01-01"}])
    def test_refused(self, engagement: Engagement, client: Client, values: dict[str, Any]) -> None:
        url = reverse("evidence:make_from_list", args=[engagement.pk])
        due = timezone.localdate().isoformat()
        assert client.post(url, {"source": "shipped", "lines": ["0"], "due": due, **values}).status_code == 422
        assert client.get(url, {"source": "list-999"}).status_code == 404
        assert not EvidenceRequest.objects.exists()

    def test_versions(self, engagement: Engagement) -> None:
        who, firm = f.people(engagement), engagement.firm
        first = asking.write(firm, name="First year", lines=asking.shipped()[:3], by=who["sana"])
        second = asking.write(firm, name="First year", lines=asking.shipped()[:2], by=who["milan"], replaces=first)
        assert (second.version, second.replaces, len(second.lines)) == (2, first, 2)
        first.refresh_from_db()
        assert (first.current, len(first.lines)) == (False, 3)
        with pytest.raises(ValidationError, match="meanwhile"):
            asking.write(firm, name="First year", lines=asking.shipped()[:1], by=who["sana"], replaces=first)
        same = asking.write(firm, name="First year", lines=asking.shipped()[:2], by=who["sana"], replaces=second)
        assert same == second
        with pytest.raises(ValidationError, match="already"):
            asking.write(firm, name="first YEAR", lines=asking.shipped()[:1], by=who["sana"])
        with pytest.raises(ValidationError, match="at least one"):
            asking.write(firm, name="None", lines=[], by=who["sana"])
        with pytest.raises(ValidationError, match="Only people of the firm"):
            asking.write(firm, name="Theirs", lines=asking.shipped()[:1], by=who["carla"])
        for change in (lambda: RequestList.objects.update(lines=[]), second.delete):
            with pytest.raises(DatabaseError), transaction.atomic():
                change()

    def test_another_firms_list_is_not_there(self, engagement: Engagement, client: Client) -> None:
        other = f.firm("Birch LLP")
        kept = asking.write(
            other, name="Theirs", lines=asking.shipped()[:1], by=f.partner_of(other, "olga", "Olga Birch")
        )
        assert client.get(kept.get_absolute_url()).status_code == 404
        url = reverse("evidence:make_from_list", args=[engagement.pk])
        assert client.get(url, {"source": f"list-{kept.pk}"}).status_code == 404
        assert b"Theirs" not in client.get(reverse("evidence:request_lists")).content

    def test_kept_changed_and_retired_on_the_pages(self, engagement: Engagement, client: Client) -> None:
        lists = reverse("evidence:request_lists")
        client.post(lists, {"name": "Small firms", "source": "shipped"})
        kept = RequestList.objects.get()
        values: dict[str, Any] = {"line-TOTAL_FORMS": "2", "line-INITIAL_FORMS": "2", "name": "Small firms"}
        for at, title in enumerate(("Policies", "Leavers")):
            values |= {f"line-{at}-title": title, f"line-{at}-priority": "normal", f"line-{at}-after": "3"}
        edit = reverse("evidence:edit_request_list", args=[kept.pk])
        assert client.get(edit).status_code == 200
        assert client.post(edit, {**values, "line-0-title": "", "line-0-detail": "Which?"}).status_code == 422
        client.post(edit, {**values, "line-1-DELETE": "on"})
        new = RequestList.objects.get(current=True)
        assert (new.version, [line["title"] for line in new.lines]) == (2, ["Policies"])
        assert b"Earlier versions" in client.get(new.get_absolute_url()).content
        client.post(reverse("evidence:retire_request_list", args=[new.pk]))
        assert not RequestList.objects.filter(current=True).exists()

    def test_the_last_period(self, engagement: Engagement) -> None:
        who = f.people(engagement)
        before = f.at_stage(f.accepted(number="2025-0001"), Stage.FIELDWORK)
        control = makers.control(before, "IAM-06")
        day = dt.date(2025, 11, 3)
        makers.request(before, title="Leavers", controls=[control], due=day, covers_from=day, covers_to=day)
        makers.request(before, title="Later", due=day + dt.timedelta(days=9), priority="high", assigned_to=None)
        requests.cancel(makers.request(before, title="No"), reason="x", by=who["sana"])
        assert asking.earlier(engagement, by=who["sana"]) == [before]
        assert asking.earlier(engagement, by=who["ray"]) == []
        same = makers.control(engagement, "IAM-06")
        due = timezone.localdate()
        made = asking.make_from_lines(
            engagement, asking.lines_from(before), due=due, by=who["sana"], assigned_to=who["carla"]
        )
        assert [one.title for one in made] == ["Leavers", "Later"]
        assert [one.due for one in made] == [due, due + dt.timedelta(days=9)]
        assert [one.assigned_to for one in made] == [who["owen"], who["carla"]]
        assert (list(made[0].controls.all()), made[0].covers_to) == ([same], engagement.ends_on)
        with pytest.raises(PermissionDenied):
            asking.make_from_lines(engagement, asking.shipped(), due=due, by=who["carla"])


def table(engagement: Engagement, *rows: str, head: str = HEAD, due: dt.date | None = None) -> importing.Read:
    content = "\n".join([head, *rows]).encode()
    return importing.read(engagement, tables.read(io.BytesIO(content), "requests.csv", importing.FORM), due=due)


class TestTable:
    def test_a_good_one(self, engagement: Engagement) -> None:
        control = makers.control(engagement)
        read = table(
            engagement,
            "Leavers,All,2025-10-01,30 Sep 2026,iam-06,owen@example.com,2099-01-31,High",
            "",
            "Policies,,,,,Carla Nord,,",
            due=dt.date(2099, 3, 1),
        )
        assert not read.problems
        (first, leavers), (second, policies) = read.rows
        assert (first, second) == (2, 4)
        assert (leavers.controls, leavers.priority, leavers.due) == ([control], "high", dt.date(2099, 1, 31))
        assert (leavers.covers_from, leavers.covers_to) == (dt.date(2025, 10, 1), dt.date(2026, 9, 30))
        assert (policies.due, policies.assigned_to) == (dt.date(2099, 3, 1), f.people(engagement)["carla"])

    @pytest.mark.parametrize(
        ("row", "column", "words"),
        [
            (",All,,,,,2099-01-31,", "Request", "few words"),
            (f"{'x' * 201},,,,,,2099-01-31,", "Request", "200 at most"),
            ("A,,31.31.2026,,,,2099-01-31,", "From", "is no date"),
            ("A,,,03/04/2026,,,2099-01-31,", "To", "2026-03-04 or 2026-04-03"),
            ("A,,2026-02-01,2026-01-01,,,2099-01-31,", "To", "lies before"),
            ("A,,,,NO-01,,2099-01-31,", "Controls", "No control NO-01"),
            ("A,,,,,Sana Wolfe,2099-01-31,", "Owner", "not in the client's team"),
            ("A,,,,,,,", "Due", "It is empty"),
            ("A,,,,,,2020-01-01,", "Due", "in the past"),
            ("A,,,,,,2099-01-31,urgent", "Priority", "neither normal nor high"),
        ],
    )
    def test_every_fault_by_row_and_column(self, engagement: Engagement, row: str, column: str, words: str) -> None:
        read = table(engagement, "Fine,,,,,,2099-01-31,", row)
        (problem,) = read.problems
        assert (problem.row, problem.column) == (3, column)
        assert words in problem.words
        assert [number for number, _ in read.rows] == [2]

    def test_all_faults_at_once(self, engagement: Engagement) -> None:
        read = table(engagement, ",,x,,NO-1,Nobody,y,z", ",,,,,,,")
        assert [(one.row, one.column) for one in read.problems] == [
            (2, column) for column in ("Request", "From", "Due", "Controls", "Owner", "Priority")
        ]

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("a.pdf", b"x", "CSV or an XLSX"),
            ("a.csv", b"Item code,Due\n1,2", "no column “Request”"),
            ("a.csv", b"Request,Title\n1,2", "Two columns mean"),
            ("a.csv", b"Request,Due\n1", "Row 2 has 1 cells"),
            ("a.csv", ("Request\n" + "x\n" * 401).encode(), "400 at most"),
            ("a.xlsx", b"PK\x03\x04 nothing", "cut off"),
            ("a.csv", b"", "The file is empty"),
        ],
    )
    def test_a_file_that_is_none(self, name: str, content: bytes, words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            tables.read(io.BytesIO(content), name, importing.FORM)

    def test_what_is_asked_already_is_a_remark(self, engagement: Engagement) -> None:
        makers.request(engagement, title="Leavers")
        read = table(engagement, "leavers", "New", "NEW", head="Request", due=dt.date(2099, 1, 1))
        assert not read.problems
        assert [one.words for one in read.remarks] == [
            "REQ-001 asks for the same already.",
            "Row 3 asks for the same.",
        ]

    def test_the_blank_form_comes_back(self, engagement: Engagement, client: Client) -> None:
        makers.control(engagement, "=IAM-06")
        blank = client.get(reverse("evidence:import_form", args=[engagement.pk])).content
        book = load_workbook(io.BytesIO(blank))
        sheet = book["Requests"]
        assert [cell.value for cell in sheet[1]] == [heading for heading, _, _ in importing.COLUMNS.values()]
        assert book["Choices"]["B1"].data_type == "s"
        read = importing.read(engagement, tables.read(io.BytesIO(blank), "a.xlsx", importing.FORM), due=None)
        assert [one.words for one in read.problems] == ["The table has no rows below its headings."]
        for at, value in enumerate(["Leavers", "All", None, None, "=IAM-06", "Owen Pike", dt.date(2099, 1, 31)], 1):
            sheet.cell(row=2, column=at, value=value).data_type = "s" if at == 5 else "n"
            if at != 5:
                sheet.cell(row=2, column=at, value=value)
        out = io.BytesIO()
        book.save(out)
        read = importing.read(engagement, tables.read(out, "a.xlsx", importing.FORM), due=None)
        assert [one.due for _, one in read.rows] == [dt.date(2099, 1, 31)]

    def test_preview_then_all_of_it(self, engagement: Engagement, client: Client) -> None:
        url = reverse("evidence:import_requests", args=[engagement.pk])

        def preview(content: str) -> Any:
            return client.post(url, {"file": SimpleUploadedFile("a.csv", content.encode())})

        bad = preview(f"{HEAD}\nGood,,,,,,2099-01-31,\nBad,,,,,Nobody,2099-01-31,")
        assert bad.status_code == 422
        assert b"Nobody is not in the client" in bad.content
        assert b'name="sealed"' not in bad.content
        good = preview(f"{HEAD},Remark\nOne,,,,,,2099-01-31,,x\nTwo,,,,,,2099-01-31,,")
        assert b"are left out: Remark" in good.content
        assert not EvidenceRequest.objects.exists()
        sealed = good.context["sealed"]
        other = Client()
        other.force_login(f.people(engagement)["milan"], backend=BACKEND)
        for wrong in (other.post(url, {"sealed": sealed}), client.post(url, {"sealed": f"{sealed}x"})):
            assert wrong["Location"] == url
        assert not EvidenceRequest.objects.exists()
        client.post(url, {"sealed": sealed, "open_now": "on"})
        assert list(EvidenceRequest.objects.values_list("title", "state")) == [("One", "open"), ("Two", "open")]

    def test_what_changed_since_the_preview_is_seen(self, engagement: Engagement, client: Client) -> None:
        control = makers.control(engagement)
        url = reverse("evidence:import_requests", args=[engagement.pk])
        file = SimpleUploadedFile("a.csv", f"{HEAD}\nOne,,,,IAM-06,,2099-01-31,".encode())
        sealed = client.post(url, {"file": file}).context["sealed"]
        control.removed_at = timezone.now()
        control.removed_reason = "Not operated."
        control.save()
        assert client.post(url, {"sealed": sealed}).status_code == 422
        assert not EvidenceRequest.objects.exists()
