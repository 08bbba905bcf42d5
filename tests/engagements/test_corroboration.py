"""The firm corroborates that there was no incident: what counts, what ends it, who may (R43)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.models import Event
from engagements import registers
from engagements.corroboration import review_no_incident
from engagements.coverage import no_incident_review_of
from engagements.models import Engagement, NoIncidentReview, Stage
from engagements.register import findings
from engagements.waiting import waiting_for
from engagements.workflow import WrongStage
from tests import factories as f

pytestmark = pytest.mark.django_db

STATED = "None of the period."
SOURCE = "Export of the tracker, 31 tickets read."


def stated() -> tuple[Engagement, dict[str, User]]:
    engagement = f.accepted()
    people = f.people(engagement)
    registers.state_no_incident(engagement, statement=STATED, by=people["carla"])
    engagement.refresh_from_db()
    return engagement, people


def review(engagement: Engagement, by: User, statement: str = STATED, source: str = SOURCE) -> NoIncidentReview:
    return review_no_incident(engagement, statement=statement, source=source, by=by)


def standing(engagement: Engagement) -> NoIncidentReview | None:
    return no_incident_review_of(Engagement.objects.get(pk=engagement.pk))


def test_the_firm_says_what_it_looked_at() -> None:
    engagement, people = stated()
    for key in ("carla", "owen", "sig", "quinn"):
        with pytest.raises(PermissionDenied):
            review(engagement, people[key])
    made = review(engagement, people["sana"])
    assert standing(engagement) == made
    assert (made.statement, made.source, made.by) == (STATED, SOURCE, people["sana"])
    assert abs(timezone.now() - made.at) < dt.timedelta(minutes=1)
    event = Event.objects.filter(engagement_id=engagement.pk, action="register.none_reviewed").get()
    assert (event.audience, event.detail["source"]) == (Event.Audience.FIRM, SOURCE)


def test_a_review_needs_the_statement_that_stands_and_a_source() -> None:
    engagement, people = stated()
    with pytest.raises(ValidationError, match="changed its statement"):
        review(engagement, people["sana"], statement="None of any weight.")
    with pytest.raises(ValidationError, match="Name the source"):
        review(engagement, people["sana"], source="  ")
    registers.state_no_incident(engagement, statement="", by=people["carla"])
    with pytest.raises(ValidationError, match="nothing to review"):
        review(engagement, people["sana"], statement="")
    Engagement.objects.filter(pk=engagement.pk).update(
        incidents_none_statement=STATED, report_date=engagement.ends_on + dt.timedelta(days=30)
    )
    with pytest.raises(WrongStage):
        review(engagement, people["sana"])
    assert not NoIncidentReview.objects.exists()


def test_the_same_statement_sent_by_a_form_is_the_same() -> None:
    engagement, people = stated()
    registers.state_no_incident(engagement, statement="None.\nAll was quiet.", by=people["carla"])
    made = review(engagement, people["sana"], statement="None.\r\nAll was quiet.")
    registers.state_no_incident(engagement, statement="None.\nAll was quiet.", by=people["carla"])
    assert standing(engagement) == made


@pytest.mark.parametrize("what", ["another statement", "no statement", "an incident"])
def test_what_it_was_of_ends_it(what: str) -> None:
    engagement, people = stated()
    made = review(engagement, people["sana"])
    if what == "an incident":
        entry = registers.add_incident(
            engagement, occurred_on=engagement.ends_on, title="T", nature="N", by=people["carla"]
        )
        registers.delete(entry, by=people["carla"])
    else:
        words = "None known." if what == "another statement" else ""
        registers.state_no_incident(engagement, statement=words, by=people["carla"])
    made.refresh_from_db()
    assert made.withdrawn_at is not None
    assert Event.objects.filter(engagement_id=engagement.pk, action="register.none_review_withdrawn").count() == 1
    # Neither does the first statement bring it back.
    registers.state_no_incident(engagement, statement=STATED, by=people["carla"])
    assert standing(engagement) is None
    again = review(engagement, people["milan"])
    assert standing(engagement) == again


def test_another_review_takes_the_place_of_the_first_and_none_is_rewritten() -> None:
    engagement, people = stated()
    first = review(engagement, people["sana"])
    second = review(engagement, people["milan"], source="The status page too.")
    assert standing(engagement) == second
    assert NoIncidentReview.objects.count() == 2
    mine = NoIncidentReview.objects.filter(pk=second.pk)
    for change in ({"source": "X"}, {"statement": "X"}, {"by": people["sana"]}):
        with pytest.raises(DatabaseError), transaction.atomic():
            mine.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        mine.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        NoIncidentReview.objects.filter(pk=first.pk).update(withdrawn_at=None)


def test_a_change_of_the_period_says_nothing_of_incidents() -> None:
    engagement, people = stated()
    made = review(engagement, people["sana"])
    registers.state_no_change(engagement, statement="None.", by=people["carla"])
    assert standing(engagement) == made


def test_the_page_leads_there_and_keeps_what_was_typed(client: Client) -> None:
    engagement, people = stated()
    page = reverse("engagements:register", args=[engagement.pk, "incidents"])
    form = reverse("engagements:no_incident_review", args=[engagement.pk])
    assert [one.url for one in findings("issue", engagement) if one.rule == "R43"] == [page]
    client.force_login(people["sana"])
    assert form in client.get(page).content.decode()
    refused = client.post(form, {"statement": "Read long ago.", "source": SOURCE})
    assert refused.status_code == 422
    text = refused.content.decode()
    assert SOURCE in text
    assert f'value="{STATED}"' in text
    assert client.post(form, {"statement": STATED, "source": SOURCE}).status_code == 302
    assert SOURCE in client.get(page).content.decode()
    client.force_login(people["carla"])
    seen = client.get(page).content.decode()
    assert "The firm has reviewed a source" in seen
    assert SOURCE not in seen
    assert form not in seen
    assert client.get(form).status_code == 403


def test_it_waits_for_the_firm() -> None:
    engagement, people = stated()
    engagement = f.at_stage(engagement, Stage.FIELDWORK)

    def asked(who: str) -> bool:
        return any(
            one.text == "Corroborate that there was no incident"
            for one in waiting_for(people[who], today=dt.date(2026, 11, 22))
        )

    assert [asked(who) for who in ("sana", "milan", "carla", "quinn")] == [True, True, False, False]
    review(engagement, people["sana"])
    assert not asked("sana")
