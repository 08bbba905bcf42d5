"""Drafts: asked for once, rendered by a worker, shown to the client when it is their turn."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from engagements.models import Control, Engagement, ReportingStep, Stage
from engagements.register import Blocked
from engagements.workflow import WrongStage
from jobs.models import Job
from jobs.running import run
from reports import drafting, storage
from reports.models import ManagementStatement, QualityReview, Report
from reports.rendering import RenderError
from tests import factories as f
from tests.remembered import remembered
from tests.reports import makers as m

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]


@pytest.fixture
@remembered
def engagement() -> Any:
    made = m.in_scope()
    m.described(made)
    return made


def test_a_draft_is_rendered_with_the_pictures_of_its_pages(engagement: Any) -> None:
    draft = m.rendered(engagement)
    assert (draft.number, draft.state, draft.pages) == (1, "ready", 2)
    assert storage.pdf_of(engagement.pk, draft.pdf_sha256).startswith(b"%PDF")
    for page in (1, 2):
        picture = storage.page_of(engagement.pk, draft.pdf_sha256, page)
        assert picture is not None
        assert picture.startswith(b"\x89PNG")
    assert storage.page_of(engagement.pk, draft.pdf_sha256, 3) is None


def test_asking_twice_makes_one_draft_and_one_job(engagement: Any) -> None:
    milan = f.people(engagement)["milan"]
    assert drafting.request_draft(engagement, by=milan) == drafting.request_draft(engagement, by=milan)
    assert (Report.objects.count(), Job.objects.count()) == (1, 1)


def test_changed_content_is_the_next_draft(engagement: Any) -> None:
    m.rendered(engagement)
    Control.objects.filter(engagement=engagement).update(title="Another title")
    assert m.rendered(engagement).number == 2


@pytest.mark.parametrize("who", ["sana", "quinn", "carla", "sig"])
def test_only_manager_and_partner_ask_for_drafts(engagement: Any, who: str) -> None:
    with pytest.raises(PermissionDenied):
        drafting.request_draft(engagement, by=f.people(engagement)[who])


def test_no_draft_before_fieldwork(engagement: Any) -> None:
    with pytest.raises(WrongStage):
        drafting.request_draft(f.at_stage(engagement, Stage.SCOPING), by=f.people(engagement)["milan"])


def test_a_failure_is_shown_in_words(engagement: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **options: Any) -> Any:
        raise RenderError("Rendering took longer than 600 seconds and was stopped.")

    monkeypatch.setattr(drafting, "printed", fail)
    draft = m.rendered(engagement)
    assert draft.state == "failed"
    assert draft.job is not None
    assert draft.job.error == "Rendering took longer than 600 seconds and was stopped."


@pytest.mark.parametrize("phase", ["printed", "record"])
def test_a_worker_that_dies_is_followed_by_one_that_does_the_work_once(
    engagement: Any, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = drafting.request_draft(engagement, by=f.people(engagement)["milan"])

    def die(*arguments: Any, **options: Any) -> Any:
        raise OSError("killed")

    assert draft.job_id is not None
    with monkeypatch.context() as patched:
        patched.setattr(drafting, phase, die)
        with pytest.raises(OSError, match="killed"):
            run(draft.job_id)
    draft.refresh_from_db()
    assert draft.state == "rendering"
    run(draft.job_id)
    draft.refresh_from_db()
    assert draft.state == "ready"


def test_the_client_sees_what_was_shown_and_nothing_before(engagement: Any) -> None:
    milan = f.people(engagement)["milan"]
    first = m.rendered(engagement)
    Control.objects.filter(engagement=engagement).update(title="Another title")
    second = m.rendered(engagement)
    assert not drafting.visible_to_client(engagement).exists()
    drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=milan)
    assert list(drafting.visible_to_client(Engagement.objects.get(pk=engagement.pk))) == [second]
    assert first not in drafting.visible_to_client(engagement)
    drafting.move_step(engagement, ReportingStep.DRAFT, by=milan)
    assert not drafting.visible_to_client(Engagement.objects.get(pk=engagement.pk)).exists()


def test_client_review_needs_a_draft_of_the_present_content(engagement: Any) -> None:
    milan = f.people(engagement)["milan"]
    with pytest.raises(Blocked):
        drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=milan)
    m.rendered(engagement)
    Control.objects.filter(engagement=engagement).update(title="Another title")
    with pytest.raises(Blocked):
        drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=milan)


def test_quality_review_needs_conclusions_and_a_date(engagement: Any) -> None:
    milan = f.people(engagement)["milan"]
    m.rendered(engagement)
    drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=milan)
    with pytest.raises(Blocked) as refused:
        drafting.move_step(engagement, ReportingStep.QUALITY_REVIEW, by=milan)
    assert [finding.rule for finding in refused.value.findings] == ["R38", "R38", "R38", "R48"]


def test_steps_are_not_skipped(engagement: Any) -> None:
    with pytest.raises(WrongStage):
        drafting.move_step(engagement, ReportingStep.READY, by=f.people(engagement)["milan"])


def test_letters_that_are_not_printed_leave_draft_and_quality_review_as_they_are() -> None:
    """The representation letter is signed last, on the report date; nothing printed changes by it."""
    engagement = m.in_scope()
    m.worked(engagement)
    m.described(engagement)
    m.concluded(engagement)
    m.sign(engagement, ManagementStatement.Kind.ASSERTION)
    draft = m.approved(engagement)
    for kind in (ManagementStatement.Kind.SUBSEQUENT_EVENTS, ManagementStatement.Kind.REPRESENTATION):
        m.sign(engagement, kind)
    assert not drafting.what_step_lacks(engagement, ReportingStep.READY)
    assert drafting.request_draft(engagement, by=f.people(engagement)["milan"]) == draft


def test_ready_needs_the_quality_review_of_this_content(engagement: Any) -> None:
    who = f.people(engagement)
    m.concluded(engagement)
    m.rendered(engagement)
    drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=who["milan"])
    with pytest.raises(WrongStage):
        review(engagement)
    drafting.move_step(engagement, ReportingStep.QUALITY_REVIEW, by=who["milan"])
    with pytest.raises(PermissionDenied):
        review(engagement, by=who["petra"])
    with pytest.raises(ValidationError):
        review(engagement, conclusion=" ")
    with pytest.raises(Blocked):
        drafting.move_step(engagement, ReportingStep.READY, by=who["milan"])
    review(engagement)
    Control.objects.filter(engagement=engagement).update(title="Another title")
    with pytest.raises(Blocked):
        drafting.move_step(engagement, ReportingStep.READY, by=who["milan"])
    with pytest.raises(ValidationError, match="changed since"):
        review(engagement)
    m.rendered(engagement)
    review(engagement)
    assert drafting.move_step(engagement, ReportingStep.READY, by=who["milan"]).reporting_step == "ready"


def review(engagement: Engagement, **fields: Any) -> QualityReview:
    values = {
        "significant_judgements": "The rating of the exception.",
        "conclusion": "I agree.",
        "by": f.people(engagement)["quinn"],
        **fields,
    }
    return drafting.complete_quality_review(engagement, **values)
