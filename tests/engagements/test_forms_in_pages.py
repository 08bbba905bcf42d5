"""What people send: it reaches the flow, or comes back with words and changes nothing."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ServiceOrganization
from audit.models import Event
from engagements.models import Component, Control, Engagement, EngagementMember, NotRelevantCriterion, Stage
from tests import factories as f
from tests.engagements.makers import control, scoped

pytestmark = pytest.mark.django_db

OPENING = {
    "client": "",
    "new_client": "Harbor Mills, Inc.",
    "system_name": "Harbor Pay",
    "number": "2026-100",
    "type": "2",
    "period_start": "2025-10-01",
    "period_end": "2026-09-30",
    "categories": ["availability"],
}


def url(name: str, engagement: Engagement, *args: object) -> str:
    return reverse(f"engagements:{name}", args=[engagement.pk, *args])


def petra(client: Client) -> None:
    client.force_login(f.partner_of(f.firm(), "petra", "Petra Alder"))


def test_an_engagement_is_opened_for_a_new_client(client: Client) -> None:
    petra(client)
    answer = client.post(reverse("engagements:open"), OPENING)
    engagement = Engagement.objects.get()
    assert answer["Location"] == url("acceptance", engagement)
    assert engagement.client.name == "Harbor Mills, Inc."
    assert engagement.categories == ["security", "availability"]


def test_a_type_1_keeps_only_its_date(client: Client) -> None:
    petra(client)
    client.post(reverse("engagements:open"), {**OPENING, "type": "1", "as_of": "2026-09-30"})
    engagement = Engagement.objects.get()
    assert engagement.period_start is None
    assert engagement.ends_on.isoformat() == "2026-09-30"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"period_end": ""}, "period_end", "R09"),
        ({"period_end": "2025-10-01"}, "period_end", "R09"),
        ({"type": "1"}, "as_of", "R09"),
        ({"new_client": ""}, "new_client", "Choose a client"),
        ({"system_name": ""}, "system_name", "required"),
        ({"categories": ["weather"]}, "categories", "valid choice"),
    ],
)
def test_a_wrong_opening_says_what_is_wrong_at_the_field(
    client: Client, change: dict[str, object], field: str, words: str
) -> None:
    petra(client)
    answer = client.post(reverse("engagements:open"), {**OPENING, **change})
    assert answer.status_code == 422
    assert words in " ".join(answer.context["form"].errors[field])
    assert not Engagement.objects.exists()
    assert not ServiceOrganization.objects.exists()


def test_a_number_taken_leaves_no_new_client_behind(client: Client) -> None:
    f.proposed(number="2026-100")
    petra(client)
    answer = client.post(reverse("engagements:open"), OPENING)
    assert answer.status_code == 422
    assert not ServiceOrganization.objects.filter(name="Harbor Mills, Inc.").exists()


def test_who_may_not_open_is_refused(client: Client) -> None:
    f.staffed()
    client.force_login(f.person("milan"))
    assert client.post(reverse("engagements:open"), OPENING).status_code == 403
    client.force_login(f.person("carla"))
    assert client.get(reverse("engagements:open")).status_code == 403


def test_from_acceptance_to_fieldwork_in_the_pages(client: Client) -> None:
    engagement = f.proposed()
    client.force_login(engagement.created_by)
    decision = {"on": "2025-09-01", "note": "Known client"}
    refused = client.post(url("acceptance", engagement), decision)
    assert refused.status_code == 422
    assert b"R01" in refused.content
    client.post(url("independence", engagement))
    assert b"R04" in client.post(url("acceptance", engagement), decision).content
    for kind in ("services", "providers"):
        client.post(url("threat_none", engagement, kind))
    assert client.post(url("acceptance", engagement), decision)["Location"] == url("letter", engagement)
    assert b"Draft the letter" in client.get(url("letter", engagement)).content
    client.post(url("stage", engagement, "fieldwork"))
    engagement.refresh_from_db()
    assert engagement.stage == Stage.FIELDWORK


def test_a_warning_is_passed_in_the_pages(client: Client) -> None:
    engagement = f.accepted(prior_period_end="2025-09-20")
    client.force_login(engagement.created_by)
    client.post(url("stage", engagement, "fieldwork"))
    engagement.refresh_from_db()
    assert engagement.stage == Stage.SCOPING
    page = client.get(url("stage", engagement, "fieldwork")).content.decode()
    way = f"{url('override', engagement)}?step=fieldwork&rule=R11&subject="
    assert way.replace("&", "&amp;") in page
    assert client.post(way, {"reason": ""}).status_code == 422
    client.post(way, {"reason": "A bridge letter covers it."})
    client.post(url("stage", engagement, "fieldwork"))
    engagement.refresh_from_db()
    assert engagement.stage == Stage.FIELDWORK
    assert client.get(way).status_code == 404


def test_withdrawing_wants_its_word(client: Client) -> None:
    engagement = f.accepted()
    client.force_login(engagement.created_by)
    assert client.post(url("leave", engagement), {"reason": "No access", "confirm": "yes"}).status_code == 422
    engagement.refresh_from_db()
    assert engagement.stage == Stage.SCOPING
    client.post(url("leave", engagement), {"reason": "No access", "confirm": "Withdraw"})
    engagement.refresh_from_db()
    assert engagement.stage == Stage.WITHDRAWN


def test_many_controls_come_from_the_library_at_once(client: Client) -> None:
    engagement = f.accepted()
    client.force_login(engagement.created_by)
    codes = ["GOV-01", "GOV-02", "BCP-01"]
    client.post(url("library", engagement), {"codes": codes})
    client.post(url("library", engagement), {"codes": codes})
    assert Control.objects.count() == 3
    client.post(url("library", engagement), {"codes": ["HACK-1"]})
    assert Control.objects.count() == 3


def test_picked_controls_get_one_owner(client: Client) -> None:
    engagement, other = scoped(3), scoped(1, system_name="Payroll")
    sig = f.people(engagement)["sig"]
    client.force_login(f.people(engagement)["carla"])
    foreign = Control.objects.get(engagement=other)
    mine = list(Control.objects.filter(engagement=engagement)[:2])
    client.post(url("controls_owner", engagement), {"ids": [one.pk for one in [*mine, foreign]], "owner": sig.pk})
    assert {one.number for one in Control.objects.filter(owner=sig)} == {one.number for one in mine}
    foreign.refresh_from_db()
    assert foreign.owner != sig


def test_the_client_rewords_and_sees_both_wordings(client: Client) -> None:
    engagement = f.accepted()
    one = control(engagement)
    people = f.people(engagement)
    client.force_login(people["carla"])
    client.post(url("control_wording", engagement, "NB-01"), {"title": one.title, "wording": "New words."})
    page = client.get(url("control", engagement, "NB-01")).content.decode()
    assert "New words." in page
    assert "Access to production is granted" in page
    client.force_login(people["petra"])
    answer = client.post(url("control_wording", engagement, "NB-01"), {"title": "T", "wording": "Theirs."})
    assert answer.status_code == 403
    one.refresh_from_db()
    assert one.wording == "New words."


def test_controls_of_other_engagements_do_not_open(client: Client) -> None:
    engagement, other = f.accepted(), f.accepted(system_name="Payroll")
    control(other, "PAY-01")
    client.force_login(engagement.created_by)
    assert client.get(url("control", engagement, "PAY-01")).status_code == 404


def test_a_criterion_is_marked_and_unmarked(client: Client) -> None:
    engagement = f.accepted()
    client.force_login(engagement.created_by)
    page = url("criterion", engagement, "CC6.4")
    assert client.post(page, {"reason": ""}).status_code == 422
    client.post(page, {"reason": "There are no premises."})
    assert b"There are no premises." in client.get(page).content
    client.post(page, {"relevant": "1"})
    assert not NotRelevantCriterion.objects.exists()
    assert client.get(url("criterion", engagement, "P1.1")).status_code == 404


def test_an_entry_is_added_changed_and_deleted(client: Client) -> None:
    engagement = f.accepted()
    people = f.people(engagement)
    client.force_login(people["carla"])
    add = url("register_add", engagement, "components")
    assert client.post(add, {"kind": "software", "name": "Blog"}).status_code == 422  # outside without a reason
    client.post(add, {"kind": "software", "name": "Ledger", "in_boundary": "on"})
    entry = Component.objects.get()
    edit = url("register_edit", engagement, "components", entry.pk)
    client.post(edit, {"kind": "software", "name": "Ledger service", "in_boundary": "on"})
    entry.refresh_from_db()
    assert entry.name == "Ledger service"
    client.force_login(people["petra"])
    assert client.post(edit, {"kind": "software", "name": "X", "in_boundary": "on"}).status_code == 403
    assert client.post(url("register_delete", engagement, "components", entry.pk)).status_code == 403
    client.force_login(people["carla"])
    client.post(url("register_delete", engagement, "components", entry.pk))
    assert not Component.objects.exists()


def test_the_partner_sets_roles_in_the_page(client: Client) -> None:
    engagement = f.staffed()
    people = f.people(engagement)
    client.force_login(people["petra"])
    client.post(url("team_role", engagement, people["sana"].pk), {"role": "manager"})
    assert engagement.members.get(user=people["sana"]).role == "manager"
    # One press of a cross beside a list is not enough.
    asks = f'data-confirm="Take {people["owen"].name} out of the engagement?'
    assert asks in client.get(url("team", engagement)).content.decode()
    client.post(url("team_end", engagement, people["owen"].pk))
    assert not engagement.members.filter(user=people["owen"]).exists()
    client.force_login(people["milan"])
    assert client.post(url("team_end", engagement, people["sig"].pk)).status_code == 403
    assert EngagementMember.objects.filter(user=people["sig"]).exists()


def test_the_client_sees_its_own_part_of_the_trail(client: Client) -> None:
    engagement = scoped(2)
    people = f.people(engagement)
    client.force_login(people["carla"])
    page = client.get(url("activity", engagement)).content.decode()
    assert "added control NB-01" in page
    assert "accepted the engagement" not in page
    assert "confirmed independence" not in page
    client.force_login(people["petra"])
    page = client.get(url("activity", engagement)).content.decode()
    assert "accepted the engagement" in page
    assert "firm only" in page


@pytest.mark.drill
def test_the_trail_is_read_by_pages(client: Client) -> None:
    engagement = f.accepted()
    for number in range(70):
        control(engagement, f"NB-{number:03d}")
    client.force_login(engagement.created_by)
    first = client.get(url("activity", engagement))
    assert len(first.context["lines"]) == 60
    second = client.get(url("activity", engagement), {"before": first.context["older"]})
    seen = [line.id for line in [*first.context["lines"], *second.context["lines"]]]
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen, reverse=True)
    mine = client.get(url("activity", engagement), {"who": f.people(engagement)["sana"].pk})
    assert {line.actor for line in mine.context["lines"]} == {"Sana Wolfe"}


def test_the_address_of_the_request_is_in_the_trail(client: Client) -> None:
    engagement = f.proposed()
    client.force_login(engagement.created_by)
    client.post(url("independence", engagement), REMOTE_ADDR="192.0.2.7")
    event = Event.objects.get(action="team.independence_confirmed")
    assert event.ip == "192.0.2.7"
