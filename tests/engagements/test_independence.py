"""What may impair independence: recorded by the manager, concluded on by the partner, hidden from the client."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from engagements import independence
from engagements.models import Engagement, EngagementMember, NonAttestService, ProviderRelation, Stage
from engagements.waiting import waiting_for
from engagements.workflow import WrongStage
from tests import factories as f
from tests.evidence import makers
from tests.permissions.world import BACKEND

pytestmark = pytest.mark.django_db

SERVICE = {
    "service": "Tax return",
    "starts_on": dt.date(2026, 1, 1),
    "overseer": "Carla Nord, controller",
    "overseer_fitness": "Certified, ten years in tax.",
    "threats": "Self-review.",
}


def entered(engagement: Engagement, **fields: Any) -> NonAttestService:
    by = f.people(engagement)["milan"]
    made = independence.enter(engagement, "services", by=by, **{**SERVICE, **fields})
    assert isinstance(made, NonAttestService)
    return made


def test_the_partner_concludes_and_a_change_takes_it_back() -> None:
    engagement = f.staffed()
    who, made = f.people(engagement), entered(engagement)
    assert [one.text for one in waiting_for(who["petra"], today=timezone.localdate()) if one.kind == "review"] == [
        "Conclude on independence: Tax return"
    ]
    with pytest.raises(PermissionDenied):
        independence.conclude(made, effect="none", conclusion="Small.", by=who["milan"])
    for effect, conclusion, words in (("none", " ", "Say why"), ("safeguarded", "Apart.", "No safeguard")):
        with pytest.raises(ValidationError, match=words):
            independence.conclude(made, effect=effect, conclusion=conclusion, by=who["petra"])
    independence.conclude(made, effect="none", conclusion="Small.", by=who["petra"])
    independence.revise(made, by=who["milan"], **SERVICE)
    made.refresh_from_db()
    assert made.effect == "none"
    independence.revise(made, by=who["milan"], **{**SERVICE, "threats": "Self-review and advocacy."})
    made.refresh_from_db()
    assert (made.effect, made.concluded_by) == ("", None)
    actions = Event.objects.filter(action__startswith="independence.").order_by("pk")
    assert [one.action.partition(".")[2] for one in actions] == ["recorded", "concluded", "revised"]
    assert {one.audience for one in actions} == {Event.Audience.FIRM}


def test_what_is_missing_or_wrong_is_refused() -> None:
    engagement = f.staffed()
    who = f.people(engagement)
    with pytest.raises(ValidationError) as refusal:
        entered(engagement, overseer="", threats="")
    assert set(refusal.value.message_dict) == {"overseer", "threats"}
    with pytest.raises(ValidationError):
        entered(engagement, ends_on=dt.date(2025, 1, 1))
    with pytest.raises(PermissionDenied):
        independence.enter(engagement, "services", by=who["sana"], **SERVICE)
    independence.state_none(engagement, "services", by=who["milan"])
    with pytest.raises(ValidationError, match="already"):
        independence.state_none(engagement, "services", by=who["milan"])
    made = entered(engagement)
    with pytest.raises(ValidationError, match="recorded"):
        independence.state_none(engagement, "services", by=who["milan"])
    with pytest.raises(ValidationError, match="why"):
        independence.remove(made, reason="", by=who["petra"])
    independence.remove(made, reason="Given by another firm.", by=who["petra"])
    assert "another firm" in Event.objects.get(action="independence.removed").detail["reason"]
    f.at_stage(engagement, Stage.DECLINED)
    with pytest.raises(WrongStage):
        entered(engagement)


def test_the_pages_record_conclude_and_never_show_it_to_the_client(client: Client) -> None:
    engagement = f.staffed()
    who = f.people(engagement)
    acceptance = reverse("engagements:acceptance", args=[engagement.pk])
    add = reverse("engagements:threat_add", args=[engagement.pk, "providers"])
    sent = {"provider": "Vaultline", "kinds": ["referral"], "description": "It names us."}
    sent["threats"] = "Self-interest."
    client.force_login(who["milan"])
    assert client.post(add, sent | {"kinds": []}).status_code == 422
    assert client.post(add, sent)["Location"] == acceptance
    made = ProviderRelation.objects.get()
    assert "Vaultline" in client.get(acceptance).content.decode()
    client.force_login(who["sana"])
    assert "Self-interest." in client.get(made.get_absolute_url()).content.decode()
    client.force_login(who["petra"])
    act = reverse("engagements:threat_conclude", args=[engagement.pk, "providers", made.pk])
    assert client.post(act, {"effect": "none", "conclusion": ""}).status_code == 422
    assert client.post(act, {"effect": "none", "conclusion": "No fee."})["Location"] == acceptance
    client.force_login(who["carla"])
    for page in (acceptance, made.get_absolute_url(), add):
        assert client.get(page).status_code == 403
    assert client.post(reverse("engagements:threat_none", args=[engagement.pk, "services"])).status_code == 403


def test_each_member_is_asked_again_before_the_issue(client: Client) -> None:
    engagement = f.at_stage(f.accepted(), Stage.REPORTING)
    sana = f.person("sana")
    Engagement.objects.filter(pk=engagement.pk).update(report_date=timezone.localdate())
    early = timezone.now() - dt.timedelta(days=2)
    EngagementMember.objects.filter(user=sana).update(independence_confirmed_at=early)
    again = "Confirm your independence again, for the issue"
    assert again in [one.text for one in waiting_for(sana, today=timezone.localdate())]
    client.force_login(sana)
    page = reverse("engagements:acceptance", args=[engagement.pk])
    assert "again for the issue" in client.get(page).content.decode()
    assert client.post(reverse("engagements:independence", args=[engagement.pk]))["Location"] == page
    assert again not in [one.text for one in waiting_for(sana, today=timezone.localdate())]


def test_who_has_not_confirmed_sees_nothing_of_the_work_on_the_way_to_it(client: Client) -> None:
    """Not on the home page, by the search or in figures beside the sections (R02)."""
    engagement = f.at_stage(f.accepted(), Stage.FIELDWORK)
    makers.submitted(engagement, title="Leavers of the period")
    sana = f.people(engagement)["sana"]
    member = EngagementMember.objects.get(engagement=engagement, user=sana)

    def seen() -> tuple[list[str], int, set[Any]]:
        client.force_login(sana, backend=BACKEND)
        hits = client.get(reverse("palette"), {"engagement": engagement.pk, "q": "Leavers"}).json()
        nav = client.get(reverse("engagements:overview", args=[engagement.pk])).context["nav"]
        texts = [one.text for one in waiting_for(sana, today=timezone.localdate())]
        assert ("Leavers of the period" in client.get(reverse("home")).content.decode()) == bool(hits)
        return texts, len(hits), {entry["count"] for entry in nav}

    texts, hits, counts = seen()
    assert "Leavers of the period" in texts
    assert (hits, 1 in counts) == (1, True)
    EngagementMember.objects.filter(pk=member.pk).update(independence_confirmed_at=None)
    assert seen() == (["Confirm your independence"], 0, {None})
    assert not Engagement.objects.open_to(sana).exists()
    assert Engagement.objects.open_to(f.people(engagement)["carla"]).exists()
