"""Beyond the plain way: begun, closed, cancelled, asked again; and many requests in one act."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from engagements.models import Engagement, Stage
from engagements.workflow import WrongStage
from evidence import bulk, reasons, requests
from evidence.bulk import Act
from evidence.models import EvidenceFile, EvidenceRequest
from tests import factories as f
from tests.evidence import makers
from tests.permissions.world import BACKEND

pytestmark = pytest.mark.django_db


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


def state_of(request: EvidenceRequest) -> str:
    return EvidenceRequest.objects.get(pk=request.pk).state


class TestStates:
    def test_the_first_file_of_the_client_begins_it(self, engagement: Engagement) -> None:
        asked, sana = makers.request(engagement), f.people(engagement)["sana"]
        makers.upload(asked, b"ours", name="own.txt", by=sana, obtained_by_auditor=True)
        assert state_of(asked) == "open"
        makers.upload(asked)
        assert state_of(asked) == "in_progress"
        assert requests.submit(asked, by=f.people(engagement)["owen"]).state == "submitted"

    def test_closing_and_opening_again(self, engagement: Engagement) -> None:
        sana = f.people(engagement)["sana"]
        asked = makers.submitted(engagement)
        with pytest.raises(WrongStage, match="cannot be closed"):
            requests.close(asked, by=sana)
        requests.accept(asked, by=sana)
        requests.close(asked, by=sana)
        assert EvidenceFile.objects.handed_in().count() == 1
        with pytest.raises(WrongStage, match="takes no files"):
            makers.upload(asked, b"more")
        with pytest.raises(WrongStage, match="cannot be returned"):
            requests.return_(asked, reason="x", by=sana)
        assert requests.reopen(asked, by=sana).state == "accepted"

    def test_cancelling_keeps_the_files(self, engagement: Engagement) -> None:
        who, asked = f.people(engagement), makers.submitted(engagement)
        with pytest.raises(ValidationError, match="not needed"):
            requests.cancel(asked, reason=" ", by=who["sana"])
        with pytest.raises(PermissionDenied):
            requests.cancel(asked, reason="x", by=who["carla"])
        requests.cancel(asked, reason="The system was retired.", by=who["sana"])
        assert (state_of(asked), EvidenceFile.objects.count()) == ("cancelled", 1)
        assert not EvidenceRequest.objects.unsettled().exists()
        assert requests.reopen(asked, by=who["sana"]).state == "open"

    def test_a_cancelled_draft_stays_unseen(self, engagement: Engagement) -> None:
        who = f.people(engagement)
        draft = requests.cancel(makers.request(engagement, open_=False), reason="Twice.", by=who["sana"])
        client = Client()
        client.force_login(who["carla"], backend=BACKEND)
        assert client.get(draft.get_absolute_url()).status_code == 404
        assert Event.objects.get(action="request.draft_cancelled").audience == Event.Audience.FIRM
        assert requests.reopen(draft, by=who["sana"]).state == "draft"

    def test_the_database_wants_a_reason(self, engagement: Engagement) -> None:
        asked = makers.request(engagement)
        with pytest.raises(DatabaseError, match="cancelled_with_reason"), transaction.atomic():
            EvidenceRequest.objects.filter(pk=asked.pk).update(state="cancelled")

    def test_the_days_stand_in_order(self, engagement: Engagement) -> None:
        day = dt.date(2026, 1, 1)
        with pytest.raises(ValidationError, match="before the first"):
            makers.request(engagement, covers_from=day, covers_to=day - dt.timedelta(days=1))

    def test_who_looks_at_it_is_of_the_firm(self, engagement: Engagement) -> None:
        who, asked = f.people(engagement), makers.request(engagement)
        for key in ("carla", "ray", "quinn"):
            with pytest.raises(ValidationError, match="does not look"):
                requests.give_to(asked, reviewer=who[key], by=who["sana"])
        assert requests.give_to(asked, reviewer=who["milan"], by=who["sana"]).reviewer == who["milan"]
        assert Event.objects.order_by("pk").last().audience == Event.Audience.FIRM  # type: ignore[union-attr]

    @pytest.mark.parametrize("stock", reasons.STOCK)
    def test_stock_reasons(self, stock: str) -> None:
        assert reasons.words(stock, " Only March. ") == f"{reasons.STOCK[stock]}\nOnly March."
        assert reasons.words(stock, "") == reasons.STOCK[stock]

    def test_returning_with_a_stock_reason(self, engagement: Engagement) -> None:
        asked = makers.submitted(engagement)
        client = Client()
        client.force_login(f.people(engagement)["sana"], backend=BACKEND)
        url = reverse("evidence:return_request", args=[engagement.pk, asked.code])
        assert client.post(url, {"stock": "", "reason": " "}).status_code == 422
        assert client.post(url, {"stock": "none", "reason": "x"}).status_code == 422
        client.post(url, {"stock": "period", "reason": "It ends in June."})
        asked.refresh_from_db()
        assert asked.return_reason == f"{reasons.STOCK['period']}\nIt ends in June."


class TestMany:
    def test_what_can_be_done_is_done(self, engagement: Engagement) -> None:
        sana = f.people(engagement)["sana"]
        submitted, another = makers.submitted(engagement), makers.submitted(engagement, title="Tickets")
        opened, accepted = makers.request(engagement), makers.submitted(engagement, title="Reviews")
        requests.accept(accepted, by=sana)
        outcome = bulk.act_on([submitted, opened, another, accepted], Act.ACCEPT, by=sana)
        assert outcome.done == [submitted.code, another.code]
        assert outcome.same == [accepted.code]
        assert outcome.refused == {opened.code: f"{opened} is open and cannot be accepted."}
        assert Event.objects.filter(action="request.accepted").count() == 3

    def test_nothing_stays_when_one_breaks(self, engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not a refusal but a failure: the whole act is undone."""
        first, second = makers.request(engagement), makers.request(engagement)
        real = requests.due_held

        def breaking(request: EvidenceRequest, **values: object) -> bool:
            if request.pk == second.pk:
                raise RuntimeError("the power fails")
            return real(request, **values)  # type: ignore[arg-type]

        monkeypatch.setattr(requests, "due_held", breaking)
        with pytest.raises(RuntimeError):
            bulk.act_on([first, second], Act.DUE, due=dt.date(2026, 9, 1), by=f.people(engagement)["sana"])
        first.refresh_from_db()
        assert first.due == makers.DUE

    def test_the_clients_administrator_only_assigns(self, engagement: Engagement) -> None:
        who, asked = f.people(engagement), makers.request(engagement)
        assert bulk.act_on([asked], Act.ASSIGN, by=who["carla"], assigned_to=who["sig"]).done == [asked.code]
        for act in Act:
            if act != Act.ASSIGN:
                with pytest.raises(PermissionDenied):
                    bulk.act_on([asked], act, by=who["carla"], reason="x", due=makers.DUE)
        with pytest.raises(PermissionDenied):
            bulk.act_on([asked], Act.ASSIGN, by=who["owen"], assigned_to=who["sig"])

    def test_every_act(self, engagement: Engagement) -> None:
        who = f.people(engagement)
        sana, day = who["sana"], timezone.localdate() + dt.timedelta(days=20)
        drafts = [makers.request(engagement, open_=False) for _ in range(2)]
        client = Client()
        client.force_login(sana, backend=BACKEND)
        url = reverse("evidence:act_on_requests", args=[engagement.pk])

        def act(name: str, **values: object) -> set[object]:
            client.post(url, {"act": name, "ids": [one.pk for one in drafts], **values})
            return set(
                EvidenceRequest.objects.values_list("state", "due", "priority", "reviewer_id", "assigned_to_id")
            )

        owen, carla, milan = who["owen"].pk, who["carla"].pk, who["milan"].pk
        assert act("due", due=day.isoformat()) == {("draft", day, "normal", None, owen)}
        assert act("priority", priority="high") == {("draft", day, "high", None, owen)}
        assert act("reviewer", reviewer=milan) == {("draft", day, "high", milan, owen)}
        assert act("assign", assigned_to=carla) == {("draft", day, "high", milan, carla)}
        assert act("open") == {("open", day, "high", milan, carla)}
        assert act("cancel", reason="") == {("open", day, "high", milan, carla)}
        assert act("cancel", reason="Twice.") == {("cancelled", day, "high", milan, carla)}
        assert act("open") == {("cancelled", day, "high", milan, carla)}
        assert act("reopen") == {("open", day, "high", milan, carla)}
        for one in EvidenceRequest.objects.select_related("engagement"):
            makers.upload(one, one.code.encode(), by=who["carla"])
            requests.submit(one, by=who["carla"])
        assert act("return", stock="period") == {("returned", day, "high", milan, carla)}
        for one in EvidenceRequest.objects.select_related("engagement"):
            requests.submit(one, by=who["carla"])
        assert act("accept") == {("accepted", day, "high", milan, carla)}
        assert act("close") == {("closed", day, "high", milan, carla)}

    def test_the_filters_stay(self, engagement: Engagement) -> None:
        asked = makers.request(engagement)
        client = Client()
        client.force_login(f.people(engagement)["sana"], backend=BACKEND)
        here = reverse("evidence:requests", args=[engagement.pk])
        values = {"act": "priority", "priority": "high", "ids": [asked.pk]}
        url = reverse("evidence:act_on_requests", args=[engagement.pk])
        back = client.post(url, values, headers={"referer": f"http://testserver{here}?waits=me&q=logs"})
        assert back["Location"] == f"{here}?waits=me&q=logs"
        assert client.post(url, values, headers={"referer": "http://evil.example/?x=1"})["Location"] == here


def test_for_whom_it_waits(engagement: Engagement) -> None:
    who = f.people(engagement)
    makers.request(engagement, title="Of Owen")
    makers.request(engagement, title="Of nobody", assigned_to=None)
    mine = makers.submitted(engagement, title="For Milan")
    requests.give_to(mine, reviewer=who["milan"], by=who["sana"])
    makers.submitted(engagement, title="For anybody")
    shown = {}
    for key in ("sana", "milan", "carla", "owen", "sig"):
        client = Client()
        client.force_login(who[key], backend=BACKEND)
        page = client.get(reverse("evidence:requests", args=[engagement.pk]), {"waits": "me", "nojs": "1"})
        shown[key] = [one.title for one in page.context["rows"]]
    assert shown == {
        "sana": ["For anybody"],
        "milan": ["For Milan", "For anybody"],
        "carla": ["Of nobody"],
        "owen": ["Of Owen"],
        "sig": [],
    }
