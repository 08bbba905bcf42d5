"""Issuing: once, by the partner, from the approved content; whatever happens to the worker."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import load_pem_x509_certificate
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, IntegrityError, transaction
from pytest_django import Settings

from accounts import certificates
from audit import timestamps
from audit.models import Event
from engagements.models import Control, Engagement, ReportingStep, Stage
from engagements.register import Blocked
from engagements.workflow import WrongStage
from jobs.models import Job
from jobs.running import run
from reports import drafting, issuing, opinion, storage
from reports.models import EmphasisParagraph, Issuance, Report
from reports.rendering import RenderError
from reports.sealing import seals_in
from tests import factories as f
from tests.audit.authority import serving
from tests.certificates import PASSWORD, a_file
from tests.reports import makers as m

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]


def issue(draft: Report, **fields: Any) -> Issuance:
    engagement = Engagement.objects.get(pk=draft.engagement_id)
    values = {"by": f.people(engagement)["petra"], "password": f.PASSWORD, "draft": draft, **fields}
    return issuing.issue(engagement, **values)


def nothing_issued(draft: Report) -> bool:
    engagement = Engagement.objects.get(pk=draft.engagement_id)
    return (
        engagement.frozen_at is None
        and engagement.stage == Stage.REPORTING
        and not Issuance.objects.filter(state__in=["rendering", "current"]).exists()
    )


@pytest.mark.parametrize("kind", ["1", "2"])
def test_from_decision_to_released_report(kind: str) -> None:
    draft = m.ready(type=kind)
    issuance = issue(draft)
    engagement = Engagement.objects.get(pk=draft.engagement_id)
    assert (issuance.state, engagement.stage, engagement.frozen) == ("rendering", "reporting", True)
    assert issuance.job_id is not None
    run(issuance.job_id)
    issuance.refresh_from_db()
    engagement.refresh_from_db()
    assert (issuance.state, engagement.stage) == ("current", "issued")
    assert issuance.content_sha256 == draft.content_sha256
    assert issuance.snapshot == draft.snapshot
    assert issuance.released_at is not None
    assert storage.pdf_of(engagement.pk, issuance.pdf_sha256).startswith(b"%PDF")
    assert Event.objects.filter(engagement_id=engagement.pk, action="report.issued").count() == 1


def test_nothing_changes_afterwards() -> None:
    draft = m.ready()
    issuance = issue(draft)
    assert issuance.job_id is not None
    run(issuance.job_id)
    for change in (
        lambda: Control.objects.filter(engagement=draft.engagement_id).update(wording="Other"),
        lambda: Report.objects.filter(pk=draft.pk).update(pages=1),
        lambda: Issuance.objects.filter(pk=issuance.pk).update(snapshot={}),
        lambda: Issuance.objects.filter(pk=issuance.pk).delete(),
        lambda: Engagement.objects.filter(pk=draft.engagement_id).update(frozen_at=None),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    with pytest.raises(WrongStage):
        opinion.add_paragraph(
            draft.engagement, kind="emphasis", title="T", text="T", reason="R", by=draft.engagement.created_by
        )


@pytest.mark.parametrize("who", ["milan", "sana", "quinn", "carla", "sig"])
def test_only_the_partner_issues(who: str) -> None:
    draft = m.ready()
    with pytest.raises(PermissionDenied):
        issue(draft, by=f.people(draft.engagement)[who])
    assert nothing_issued(draft)


def test_a_wrong_password_issues_nothing() -> None:
    draft = m.ready()
    with pytest.raises(ValidationError, match="not your password"):
        issue(draft, password="guess")
    assert nothing_issued(draft)


def test_a_draft_that_no_longer_says_what_the_engagement_says_is_refused() -> None:
    draft = m.ready()
    Control.objects.filter(engagement=draft.engagement_id).update(title="Another title")
    with pytest.raises(ValidationError, match="no longer says"):
        issue(draft)
    assert nothing_issued(draft)


def test_rules_that_stand_in_the_way_are_named() -> None:
    draft = m.ready()
    engagement = draft.engagement
    EmphasisParagraph.objects.create(
        engagement=engagement, kind="emphasis", title="T", text="T", reason="R", by=engagement.created_by
    )
    newer = m.rendered(engagement)
    with pytest.raises(Blocked) as refused:
        issue(newer)
    assert [finding.rule for finding in refused.value.findings] == ["R53", "R45"]
    m.compared(engagement)
    with pytest.raises(Blocked) as refused:
        issue(newer)
    assert [finding.rule for finding in refused.value.findings] == ["R53"]
    assert nothing_issued(draft)


def test_the_report_has_to_be_at_ready() -> None:
    draft = m.ready()
    drafting.move_step(draft.engagement, ReportingStep.DRAFT, by=f.people(draft.engagement)["milan"])
    with pytest.raises(WrongStage, match="when it is ready"):
        issue(draft)


def test_issuing_twice_is_refused_while_it_is_rendered_and_after() -> None:
    draft = m.ready()
    issuance = issue(draft)
    with pytest.raises(WrongStage, match="being issued already"):
        issue(draft)
    assert issuance.job_id is not None
    run(issuance.job_id)
    with pytest.raises(WrongStage, match="issued"):
        issue(draft)
    assert Issuance.objects.count() == 1


@pytest.mark.drill
def test_a_draft_of_another_engagement_is_refused() -> None:
    draft, other = m.ready(), m.ready()
    with pytest.raises(ValidationError, match="another engagement"):
        issuing.issue(draft.engagement, by=draft.engagement.created_by, password=f.PASSWORD, draft=other)


def test_a_rendering_that_can_never_succeed_issues_nothing_and_opens_the_engagement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draft = m.ready()
    issuance = issue(draft)

    def fail(*arguments: Any, **options: Any) -> Any:
        raise RenderError("Rendering needed more than 3072 MB of memory and was stopped.")

    with monkeypatch.context() as patched:
        patched.setattr(drafting, "printed", fail)
        assert issuance.job_id is not None
        run(issuance.job_id)
    issuance.refresh_from_db()
    assert issuance.state == "failed"
    assert "memory" in Job.objects.get(pk=issuance.job_id).error
    assert nothing_issued(draft)
    again = issue(draft)
    assert again.job_id is not None
    run(again.job_id)
    again.refresh_from_db()
    assert (again.state, again.number) == ("current", issuance.number)


PHASES = ["printed", "keep_pdf", "keep_page", "record"]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.drill
def test_a_worker_that_dies_anywhere_leaves_nothing_half_done(phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = m.ready()
    issuance = issue(draft)
    where = {"printed": drafting, "keep_pdf": storage, "keep_page": storage, "record": issuing}[phase]

    def die(*arguments: Any, **options: Any) -> Any:
        raise OSError("killed")

    assert issuance.job_id is not None
    with monkeypatch.context() as patched:
        patched.setattr(where, phase, die)
        with pytest.raises(OSError, match="killed"):
            run(issuance.job_id)
    issuance.refresh_from_db()
    engagement = Engagement.objects.get(pk=draft.engagement_id)
    assert (issuance.state, issuance.pdf_sha256, engagement.stage) == ("rendering", "", "reporting")
    run(issuance.job_id)
    issuance.refresh_from_db()
    engagement.refresh_from_db()
    assert (issuance.state, engagement.stage) == ("current", "issued")
    assert Event.objects.filter(action="report.issued").count() == 1
    assert run(issuance.job_id) is None


def test_after_three_deaths_nothing_was_issued(monkeypatch: pytest.MonkeyPatch) -> None:
    draft = m.ready()
    issuance = issue(draft)

    def die(*arguments: Any, **options: Any) -> Any:
        raise OSError("killed")

    assert issuance.job_id is not None
    monkeypatch.setattr(storage, "keep_pdf", die)
    for _ in range(3):
        with pytest.raises(OSError, match="killed"):
            run(issuance.job_id)
    issuance.refresh_from_db()
    assert issuance.state == "failed"
    assert nothing_issued(draft)


@pytest.mark.drill
def test_a_seal_waits_for_the_time_that_it_is_to_bear(settings: Settings, tmp_path: Path) -> None:
    draft = m.ready()
    petra = draft.engagement.created_by
    certificates.keep(draft.engagement.firm, pkcs12=a_file(), password=PASSWORD, by=petra)
    issuance = issue(draft)
    assert issuance.job_id is not None
    with serving(tmp_path / "tsa") as (authority, url):
        settings.TIMESTAMP_URL, settings.TIMESTAMP_CA = url, str(authority.root)
        authority.mood = "down"
        with pytest.raises(timestamps.Unavailable):
            run(issuance.job_id)
        job = Job.objects.get(pk=issuance.job_id)
        assert (job.state, Issuance.objects.get().state) == ("queued", "rendering")
        assert "does not answer" in job.error
        authority.mood = "well"
        run(issuance.job_id)
        trusted = authority.root.read_text()
    issuance.refresh_from_db()
    assert (issuance.state, issuance.authority) == ("current", trusted)
    sealed = storage.pdf_of(issuance.engagement_id, issuance.pdf_sha256)
    certificate = load_pem_x509_certificate(issuance.certificate.encode())
    (found,) = seals_in(sealed, certificate, authority=issuance.authority)
    assert found.sound
    assert found.at is not None


def test_what_copies_are_made_from_is_frozen_with_the_report() -> None:
    draft = m.ready()
    issuance = issue(draft)
    assert issuance.job_id is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        Issuance.objects.update(state="current", pdf_sha256="0" * 64, released_at=draft.requested_at)
    run(issuance.job_id)
    issuance.refresh_from_db()
    prepared = storage.pdf_of(issuance.engagement_id, issuance.prepared_sha256)
    assert len(prepared) > issuance.prepared["unsigned"]
    for change in ({"prepared": {}}, {"prepared_sha256": "0" * 64}, {"authority": "x"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Issuance.objects.filter(pk=issuance.pk).update(**change)
