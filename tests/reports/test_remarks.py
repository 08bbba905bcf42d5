"""Comments on a draft, the client's review of it, and its comparison with the reports for other clients."""

from __future__ import annotations

import json
import re

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

from engagements.models import Control, ControlCriterion, Engagement, Incident, ReportingStep
from engagements.register import findings
from engagements.roles import end_role
from engagements.workflow import WrongStage
from jobs.models import Job
from jobs.running import run
from reports import drafting, likeness, remarks
from reports.models import ClientReview, DescriptionSection, LikenessCheck, Report, ReportComment
from tests import factories as f
from tests.permissions.world import BACKEND
from tests.remembered import remembered
from tests.reports import makers as m

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]


@remembered
def under_review() -> Report:
    """A draft that was shown to the client."""
    engagement = m.in_scope()
    m.worked(engagement)
    m.described(engagement)
    m.concluded(engagement)
    draft = m.rendered(engagement)
    drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=f.people(engagement)["milan"])
    draft.refresh_from_db()
    return draft


def client_of(draft: Report, name: str) -> Client:
    client = Client()
    client.force_login(f.people(draft.engagement)[name], backend=BACKEND)
    return client


def test_the_client_comments_the_firm_answers_and_the_client_says_it_has_read() -> None:
    draft = under_review()
    who = f.people(draft.engagement)
    said = remarks.comment(draft, place="opinion-scope", text="Is the title right?", by=who["carla"], internal=True)
    assert not said.internal  # the client keeps nothing to itself
    remarks.settle(said, answer="Yes, as in Section III.", by=who["milan"])
    with pytest.raises(ValidationError, match="settled already"):
        remarks.settle(said, answer="", by=who["milan"])
    remarks.client_has_read(draft, note="Fine with us.", by=who["carla"])
    with pytest.raises(ValidationError, match="said so already"):
        remarks.client_has_read(draft, note="", by=who["carla"])
    url = f"/engagements/{draft.engagement_id}/report/drafts/{draft.number}/text/"
    for name in ("carla", "petra"):
        page = client_of(draft, name).get(url).content.decode()
        assert "Is the title right?" in page
        assert "Yes, as in Section III." in page
        assert "Fine with us." in page


def test_what_the_firm_keeps_to_itself_the_client_does_not_see() -> None:
    draft = under_review()
    who = f.people(draft.engagement)
    note = remarks.comment(draft, place="part-DC1", text="Ask again in March.", by=who["sana"], internal=True)
    remarks.comment(draft, place="part-DC1", text="Please name the regions.", by=who["milan"])
    url = f"/engagements/{draft.engagement_id}/report/drafts/{draft.number}/text/"
    theirs, ours = (client_of(draft, name).get(url).content.decode() for name in ("carla", "milan"))
    assert "Please name the regions." in theirs
    assert "Ask again in March." not in theirs
    assert "Ask again in March." in ours
    settle = f"/engagements/{draft.engagement_id}/report/drafts/{draft.number}/comments/{note.pk}/settle/"
    assert client_of(draft, "carla").post(settle).status_code == 404
    with pytest.raises(PermissionDenied):
        remarks.settle(note, answer="", by=who["carla"])


def test_refusals() -> None:
    draft = under_review()
    engagement, who = draft.engagement, f.people(draft.engagement)
    for text, place in ((" ", "opinion-scope"), ("x" * 5001, "opinion-scope"), ("x", "opinion-nowhere")):
        with pytest.raises(ValidationError):
            remarks.comment(draft, place=place, text=text, by=who["carla"])
    with pytest.raises(PermissionDenied):  # reads everything and says nothing
        remarks.comment(draft, place="opinion-scope", text="T", by=who["owen"])
    with pytest.raises(PermissionDenied):
        remarks.client_has_read(draft, note="", by=who["petra"])
    drafting.move_step(engagement, ReportingStep.DRAFT, by=who["milan"])
    with pytest.raises(PermissionDenied):  # taken back
        remarks.comment(draft, place="opinion-scope", text="T", by=who["carla"])
    drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=who["milan"])
    drafting.move_step(engagement, ReportingStep.QUALITY_REVIEW, by=who["milan"])
    with pytest.raises(WrongStage):
        remarks.client_has_read(draft, note="", by=who["carla"])
    assert not ReportComment.objects.exists()
    assert not ClientReview.objects.exists()


def test_two_drafts_are_compared_in_words() -> None:
    draft = under_review()
    engagement = draft.engagement
    snapshot = json.loads(json.dumps(draft.snapshot))
    snapshot["controls"][0]["wording"] = m.WORDING.replace("system's owner", "manager")
    Report.objects.create(
        engagement=engagement,
        number=2,
        snapshot=snapshot,
        content_sha256="1" * 64,
        state=Report.State.READY,
        requested_by=f.people(engagement)["milan"],
    )
    url = f"/engagements/{engagement.pk}/report/compare/"
    page = client_of(draft, "petra").get(url).content.decode()
    assert "What changed from draft 1 to draft 2" in page
    assert '<del><span class="visually-hidden">taken out: </span>system\'s owner' in page.replace("&#x27;", "'")
    assert "manager" in page
    assert client_of(draft, "carla").get(url).status_code == 404  # the second was not shown to the client


def test_the_text_names_what_does_not_agree_at_its_paragraph() -> None:
    draft = under_review()
    page = client_of(draft, "petra").get(f"/engagements/{draft.engagement_id}/report/text/").content.decode()
    assert "All parts agree" in page
    draft.engagement.firm.offices.update(city="")
    page = client_of(draft, "petra").get(f"/engagements/{draft.engagement_id}/report/text/").content.decode()
    # At the paragraph, and in a list that leads there.
    assert page.count("The firm&#x27;s city is not on record.") == 2
    assert re.search(r'<a href="#([^"]+)">The firm&#x27;s city.*<article class="passage" id="\1">', page, re.DOTALL)


def test_a_criterion_that_no_control_meets_and_an_unwritten_part_are_named_where_they_are_missed() -> None:
    draft = under_review()
    ControlCriterion.objects.filter(engagement=draft.engagement, criterion__code="CC6.1").delete()
    DescriptionSection.objects.filter(engagement=draft.engagement, part="DC4").update(body="")
    Incident.objects.filter(engagement=draft.engagement).delete()
    Engagement.objects.filter(pk=draft.engagement_id).update(incidents_none_statement="")
    page = client_of(draft, "petra").get(f"/engagements/{draft.engagement_id}/report/text/").content.decode()
    for words, place in (
        ("No control meets CC6.1.", "criterion-CC6.1"),
        ("No incident is recorded, and no statement says that there was none.", "section-description"),
    ):
        assert f'<a href="#{place}">{words}</a>' in page
        assert page.count(f'id="{place}"') == 1
        assert page.count(words) == 2


def other_client(draft: Report) -> Engagement:
    """The same text in an engagement of the same firm for another client."""
    other = m.in_scope(a_client=f.client(name="Southgate Labs, Inc."), number="2026-0777")
    m.worked(other)
    m.described(other)
    drafting.request_draft(other, by=f.people(other)["milan"])
    Report.objects.filter(engagement=other).update(state=Report.State.READY)
    return other


def test_on_the_way_to_quality_review_the_draft_is_compared_and_the_reviewer_is_told() -> None:
    draft = under_review()
    engagement = draft.engagement
    other = other_client(draft)
    elsewhere = f.proposed(a_client=f.client(f.firm("Ostrom CPA"), "Ostrom Client"), number="2026-0903")
    Report.objects.create(
        engagement=elsewhere,
        number=1,
        snapshot=draft.snapshot,
        content_sha256=draft.content_sha256,
        state=Report.State.READY,
        requested_by=elsewhere.created_by,
    )
    # Whoever asks need not be on the others.
    end_role(other, f.people(other)["milan"], by=f.people(other)["petra"])
    drafting.move_step(engagement, ReportingStep.QUALITY_REVIEW, by=f.people(engagement)["milan"])
    job = Job.objects.get(kind="report.likeness", engagement_id=engagement.pk)
    run(job.pk)
    check = LikenessCheck.objects.get(engagement=engagement)
    assert check.compared == 1  # of this firm alone, and not the client's own
    assert {one["engagement"] for one in check.found} == {other.number}
    warnings = [one for one in findings("issue", engagement) if one.rule == "R45"]
    assert len(warnings) == len(likeness.telling(check.found)) > 0
    page = client_of(draft, "quinn").get(f"/engagements/{engagement.pk}/report/likeness/").content.decode()
    assert other.number in page
    assert "Southgate" not in page
    assert client_of(draft, "carla").get(f"/engagements/{engagement.pk}/report/likeness/").status_code == 403
    assert likeness.ask(draft, by=None) is None
    # What is changed for the reviewer is compared anew: the former comparison says nothing of it.
    Control.objects.filter(engagement=engagement).update(title="Another title")
    m.rendered(engagement)
    assert Job.objects.filter(kind="report.likeness", engagement_id=engagement.pk).count() == 2


def test_silence_does_not_pass_for_a_clean_comparison() -> None:
    """While it waits, has failed, or is of another content, a warning says so."""
    draft = under_review()
    engagement = draft.engagement
    page = f"/engagements/{engagement.pk}/report/likeness/"

    def said() -> list[str]:
        here = Engagement.objects.get(pk=engagement.pk)
        return [one.text for one in findings("issue", here) if one.rule == "R45"]

    assert said() == []  # it is compared later
    drafting.move_step(engagement, ReportingStep.QUALITY_REVIEW, by=f.people(engagement)["milan"])
    job = Job.objects.get(kind="report.likeness", engagement_id=engagement.pk)
    assert said() == ["The newest draft is still being compared."]
    petra = client_of(draft, "petra")
    assert "Compare the newest draft" not in petra.get(page).content.decode()
    Job.objects.filter(pk=job.pk).update(state=Job.State.FAILED, finished_at=job.created_at)
    assert said() == ["The comparison of the newest draft failed. Have it compared again."]
    assert "Compare the newest draft" in petra.get(page).content.decode()
    assert client_of(draft, "carla").post(f"{page}again/").status_code == 403
    petra.post(f"{page}again/")
    again = Job.objects.exclude(pk=job.pk).get(kind="report.likeness", engagement_id=engagement.pk)
    assert said() == ["The newest draft is still being compared."]
    run(again.pk)
    assert said() == []
    assert "has been compared" in petra.post(f"{page}again/", follow=True).content.decode()
    Control.objects.filter(engagement=engagement).update(title="Another title")
    assert said() == ["What the report says now has not been compared: that is done with a draft of it."]
