"""Nobody issues alone where the firm asks for two; and when the firm asks for a quality review."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.clients import change_firm
from accounts.models import Firm, QualityTrigger
from audit.models import Event
from engagements import independence
from engagements.models import Engagement, EngagementMember, ReportingStep, SubserviceOrganization
from engagements.register import Blocked, findings
from engagements.roles import set_role
from engagements.waiting import waiting_for
from engagements.workflow import WrongStage
from fieldwork.models import Deviation
from reports import approving, drafting, issuing, opinion
from reports.models import Issuance, IssueApproval, Report
from reports.quality import why_reviewed
from tests import factories as f
from tests.remembered import remembered
from tests.reports import makers as m

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]


@pytest.fixture
@remembered
def draft() -> Report:
    made = m.ready()
    Firm.objects.update(two_to_issue=True)
    return Report.objects.get(pk=made.pk)


def approve(draft: Report, key: str = "milan", password: str = f.PASSWORD) -> IssueApproval:
    who = f.people(draft.engagement)
    return approving.approve_issue(draft.engagement, by=who[key], password=password, draft=draft)


def issue(draft: Report) -> Issuance:
    return issuing.issue(draft.engagement, by=draft.engagement.created_by, password=f.PASSWORD, draft=draft)


def test_the_partner_issues_after_a_second_person_has_approved(draft: Report) -> None:
    with pytest.raises(Blocked, match="two people"):
        issue(draft)
    assert [one.rule for one in findings("issue", draft.engagement)] == ["F01"]
    milan, asked = f.people(draft.engagement)["milan"], "Approve the issue as the second person"
    assert asked in [one.text for one in waiting_for(milan, today=timezone.localdate())]
    approve(draft)
    assert asked not in [one.text for one in waiting_for(milan, today=timezone.localdate())]
    assert Event.objects.filter(action="report.issue_approved").count() == 1
    with pytest.raises(ValidationError, match="already"):
        approve(draft)
    assert issue(draft).state == Issuance.State.RENDERING


@pytest.mark.parametrize(
    ("key", "password", "refusal"),
    [
        ("petra", f.PASSWORD, PermissionDenied),
        ("sana", f.PASSWORD, PermissionDenied),
        ("carla", f.PASSWORD, PermissionDenied),
        ("quinn", "wrong", ValidationError),
    ],
)
def test_who_cannot_be_the_second_person(draft: Report, key: str, password: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        approve(draft, key, password)
    assert not IssueApproval.objects.exists()


def test_a_change_of_anything_printed_voids_the_approval(draft: Report) -> None:
    approve(draft, "quinn")
    engagement = draft.engagement
    opinion.add_paragraph(
        engagement, kind="emphasis", title="Moved", text="The platform moved.", reason="R", by=engagement.created_by
    )
    engagement = Engagement.objects.get(pk=engagement.pk)
    assert "F01" in {one.rule for one in findings("issue", engagement)}
    with pytest.raises(ValidationError, match="changed since"):
        approve(draft)


def test_the_word_of_who_lost_the_right_or_became_partner_does_not_count(draft: Report) -> None:
    approve(draft)
    engagement = draft.engagement
    set_role(engagement, f.people(engagement)["milan"], "staff", by=engagement.created_by)
    with pytest.raises(Blocked, match="two people"):
        issue(draft)


def test_what_stands_in_the_way_of_the_issue_stands_in_the_way_of_its_approval(draft: Report) -> None:
    EngagementMember.objects.filter(engagement=draft.engagement, role="staff").update(
        independence_confirmed_at=None
    )
    with pytest.raises(Blocked, match="R01"):
        approve(draft)
    Engagement.objects.filter(pk=draft.engagement_id).update(reporting_step="quality_review")
    with pytest.raises(WrongStage):
        approve(draft)


def test_the_page_offers_it_to_the_second_person_alone(draft: Report, client: Client) -> None:
    page = reverse("reports:report", args=[draft.engagement_id])
    act = reverse("reports:approve_issue", args=[draft.engagement_id])
    who = f.people(draft.engagement)
    client.force_login(who["petra"])
    shown = client.get(page).content.decode()
    assert "nobody beside the partner has approved" in shown
    assert act not in shown
    client.force_login(who["milan"])
    assert act in client.get(page).content.decode()
    assert client.post(act, {"draft": draft.pk, "password": "wrong"}).status_code == 422
    assert client.post(act, {"draft": draft.pk, "password": f.PASSWORD}).status_code == 302
    assert act not in client.get(page).content.decode()
    client.force_login(who["petra"])
    assert 'data-dialog="issue"' in client.get(page).content.decode()
    Firm.objects.update(two_to_issue=False)
    with pytest.raises(ValidationError, match="does not ask"):
        approve(draft, "quinn")


def test_a_partner_who_administers_the_firm_cannot_switch_it_off_for_the_report_at_hand(draft: Report) -> None:
    firm, petra = draft.engagement.firm, draft.engagement.created_by
    change_firm(firm, by=petra, two_to_issue=False)
    draft = Report.objects.get(pk=draft.pk)
    with pytest.raises(Blocked, match="two people"):
        issue(draft)
    approve(draft)
    assert issue(draft).state == Issuance.State.RENDERING
    later = f.proposed(a_client=f.client(firm, "Later, Inc."), partner=petra, number="2026-0990")
    assert not approving.asks_for_two(Engagement.objects.get(pk=later.pk))


@pytest.mark.drill
def test_an_approval_is_withdrawn_by_who_gave_it_until_the_report_is_issued(draft: Report, client: Client) -> None:
    engagement, who = draft.engagement, f.people(draft.engagement)
    with pytest.raises(ValidationError, match="no approval"):
        approving.withdraw_approval(engagement, by=who["quinn"], reason="R")
    approve(draft)
    with pytest.raises(ValidationError, match="no approval"):
        approving.withdraw_approval(engagement, by=who["quinn"], reason="R")
    with pytest.raises(PermissionDenied):
        approving.withdraw_approval(engagement, by=who["petra"], reason="R")
    act = reverse("reports:withdraw_approval", args=[engagement.pk])
    page = reverse("reports:report", args=[engagement.pk])
    client.force_login(who["quinn"])
    assert act not in client.get(page).content.decode()
    client.force_login(who["milan"])
    assert act in client.get(page).content.decode()
    assert client.post(act, {"reason": " "}).status_code == 422
    assert client.post(act, {"reason": "Page 9 is wrong."}).status_code == 302
    told = Event.objects.get(action="report.approval_withdrawn")
    assert (told.actor, told.detail["reason"]) == (who["milan"], "Page 9 is wrong.")
    assert "F01" in {one.rule for one in findings("issue", engagement)}
    with pytest.raises(Blocked, match="two people"):
        issue(draft)
    with pytest.raises(DatabaseError), transaction.atomic():
        IssueApproval.objects.update(withdrawn_at=None)
    approve(draft)
    issue(draft)
    with pytest.raises(WrongStage):
        approving.withdraw_approval(Engagement.objects.get(pk=engagement.pk), by=who["milan"], reason="R")


# -- When a quality review is needed --------------------------------------------------------------


def without_reviewer(**fields: Any) -> Engagement:
    engagement = m.in_scope(**fields)
    EngagementMember.objects.filter(engagement=engagement, role="quality_reviewer").delete()
    return engagement


def switched_on(*triggers: QualityTrigger) -> None:
    Firm.objects.update(quality_triggers=[one.value for one in triggers])


def reasons(engagement: Engagement) -> list[str]:
    return why_reviewed(Engagement.objects.select_related("firm").get(pk=engagement.pk))


def test_each_trigger_applies_where_its_case_is_given_and_it_is_switched_on() -> None:
    engagement = without_reviewer()
    switched_on(*(one for one in QualityTrigger if one != QualityTrigger.ALWAYS))
    assert reasons(engagement) == ["no earlier report of the system is on record"]
    Engagement.objects.filter(pk=engagement.pk).update(prior_period_end="2025-09-30")
    assert reasons(engagement) == []
    SubserviceOrganization.objects.filter(engagement=engagement).update(method="inclusive")
    assert reasons(engagement) == ["a subservice organization is included"]
    independence.enter(
        engagement,
        "providers",
        provider="Vaultline",
        kinds=["referral"],
        description="It names us.",
        threats="Self-interest.",
        by=engagement.created_by,
    )
    assert len(reasons(engagement)) == 2
    switched_on()
    assert reasons(engagement) == []
    switched_on(QualityTrigger.ALWAYS)
    assert reasons(engagement) == ["the firm reviews every engagement"]
    found = [one.text for one in findings("issue", engagement) if one.rule == "R53"]
    assert found == ["The firm reviews every engagement: name a quality reviewer."]


def test_a_modified_opinion_and_a_named_reviewer_ask_for_it() -> None:
    engagement = without_reviewer()
    switched_on(QualityTrigger.MODIFIED)
    m.worked(engagement, deviating=True)
    m.described(engagement)
    assert reasons(engagement) == []
    opinion.add_matter(
        engagement,
        limbs=["operating"],
        cause="operation",
        title="Access",
        basis="Access was not approved.",
        criteria=["CC6.2"],
        deviations=list(Deviation.objects.filter(engagement=engagement)),
        by=engagement.created_by,
    )
    m.concluded(engagement)
    assert reasons(engagement) == ["the opinion is modified"]
    switched_on()
    set_role(engagement, f.person("quinn"), "quality_reviewer", by=engagement.created_by)
    assert reasons(engagement) == ["a quality reviewer is named"]
    assert [one.rule for one in drafting.what_step_lacks(engagement, ReportingStep.READY)] == ["R53"]
