"""What becomes known after issue: the report stands, is withdrawn or reissued; readers are told (R57, R58)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.utils import DatabaseError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from distribution import agreements, granting, notifying, reading, verifying
from distribution.models import Acceptance, AccessEvent, Grant
from engagements import workflow
from engagements.models import Engagement, EngagementUserPermission, ReportingStep, Stage
from engagements.register import Blocked
from engagements.workflow import WrongStage
from jobs.models import Job
from jobs.running import run
from reports import drafting, issuing, opinion, recalling, storage
from reports.models import DiscoveredFact, Issuance
from tests import factories as f
from tests.archive import makers as a
from tests.distribution import makers as distribution
from tests.reports import makers as m

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]

Decision = DiscoveredFact.Decision


def known(engagement: Engagement, who: str = "milan") -> DiscoveredFact:
    return recalling.record_fact(
        engagement, fact="A leaver kept access.", known_on=timezone.localdate(), by=f.people(engagement)[who]
    )


def decide(fact: DiscoveredFact, decision: str, **fields: object) -> DiscoveredFact:
    values = {"reason": "It matters.", "by": f.people(fact.engagement)["petra"], "password": f.PASSWORD, **fields}
    return recalling.decide(fact, decision=decision, **values)  # type: ignore[arg-type]


def took(grant: Grant, engagement: Engagement) -> None:
    """The reader declared, accepted and downloaded, as far as the records say."""
    issuance = Issuance.objects.get(engagement=engagement, state=Issuance.State.CURRENT)
    terms = agreements.current(engagement)
    assert terms is not None
    Acceptance.objects.create(grant=grant, agreement=terms, agreement_sha256=terms.sha256, typed_name=grant.name)
    Grant.objects.filter(pk=grant.pk).update(party_class="user_entity", knowledge_declared_at=timezone.now())
    AccessEvent.objects.create(engagement=engagement, grant=grant, issuance=issuance, kind="downloaded")


def readers(engagement: Engagement) -> dict[str, Grant]:
    """One with copy and leave, one with a copy whose leave was revoked, one without a copy, one expired."""
    made = {
        name: distribution.reader(engagement, f"{name}@prospect.example", name=name.title())
        for name in ("rita", "rob", "new", "old")
    }
    took(made["rita"], engagement)
    took(made["rob"], engagement)
    granting.revoke(made["rob"], by=f.people(engagement)["carla"])
    Grant.objects.filter(pk=made["old"].pk).update(expires_at=timezone.now() - dt.timedelta(days=1))
    mail.outbox.clear()
    return made


def told(kind: str = notifying.KIND) -> list[str]:
    for job in Job.objects.unfinished().filter(kind=kind):
        run(job.pk)
    return sorted(message.to[0].partition("@")[0] for message in mail.outbox)


def reissued(engagement: Engagement) -> Issuance:
    engagement.refresh_from_db()
    petra = f.people(engagement)["petra"]
    opinion.add_paragraph(
        engagement, kind="emphasis", title="Known later", text="A leaver kept access.", reason="R58", by=petra
    )
    draft = m.approved(engagement)
    made = issuing.issue(Engagement.objects.get(pk=engagement.pk), by=petra, password=f.PASSWORD, draft=draft)
    assert made.job_id is not None
    run(made.job_id)
    made.refresh_from_db()
    return made


def test_withdrawn_it_is_nobodys_to_read_and_everybody_is_told_once() -> None:
    engagement = a.issued()
    grants = readers(engagement)
    issuance = Issuance.objects.get(engagement=engagement)
    fact = decide(known(engagement), Decision.WITHDRAW)
    issuance.refresh_from_db()
    assert (issuance.state, fact.closed_at is not None) == (Issuance.State.WITHDRAWN, True)
    assert told() == ["carla", "new", "rita", "rob", "sig"]
    body = next(message.body for message in mail.outbox if message.to == ["rita@prospect.example"])
    assert "withdrawn" in body
    assert issuance.pdf_sha256 in body
    assert "destroy" in body
    assert AccessEvent.objects.filter(kind="notified").count() == 3
    # The job again: nobody is told twice.
    mail.outbox.clear()
    notifying.tell(Job.objects.get(kind=notifying.KIND))
    assert not [one for one in mail.outbox if one.to[0].endswith("prospect.example")]
    with pytest.raises(reading.Refused, match="was withdrawn"):
        reading.download(grants["rita"], visitor=reading.Visitor())
    verdict = verifying.verify(storage.pdf_of(engagement.pk, issuance.pdf_sha256))
    assert verdict.state == "withdrawn"
    assert Event.objects.filter(engagement_id=engagement.pk, action="report.withdrawn").count() == 1


def test_reissued_the_old_one_is_superseded_when_the_new_one_is_there() -> None:
    engagement = a.issued()
    grants = readers(engagement)
    old = Issuance.objects.get(engagement=engagement)
    decide(known(engagement), Decision.REISSUE)
    engagement.refresh_from_db()
    assert (engagement.stage, engagement.frozen, engagement.reporting_step) == (
        Stage.REPORTING,
        False,
        ReportingStep.DRAFT,
    )
    # Meanwhile the old one is what readers get.
    assert granting.issued_report(engagement) == old
    assert told() == []
    new = reissued(engagement)
    old.refresh_from_db()
    engagement.refresh_from_db()
    assert (old.state, new.state, engagement.stage, engagement.frozen) == ("superseded", "current", "issued", True)
    assert (old.number[-2:], new.number[-2:]) == ("R1", "R2")
    assert DiscoveredFact.objects.get().closed_at is not None
    assert told() == ["carla", "new", "rita", "rob", "sig"]
    assert new.number in mail.outbox[0].body
    assert reading.replaced_copies(grants["rita"]) == [old.number]
    assert reading.replaced_copies(grants["new"]) == []
    assert verifying.verify(storage.pdf_of(engagement.pk, old.pdf_sha256)).state in {"superseded", "current"}
    assert verifying.verify(storage.pdf_of(engagement.pk, new.pdf_sha256)).genuine


def test_withdrawn_at_once_and_reissued_later() -> None:
    engagement = a.issued()
    old = Issuance.objects.get(engagement=engagement)
    decide(known(engagement), Decision.WITHDRAW_REISSUE)
    old.refresh_from_db()
    assert old.state == "withdrawn"
    assert reissued(engagement).state == "current"
    old.refresh_from_db()
    assert old.state == "withdrawn"


def test_it_stands() -> None:
    engagement = a.issued()
    fact = decide(known(engagement, "quinn"), Decision.STANDS, reason="Immaterial.")
    assert fact.closed_at is not None
    assert told() == []
    assert Issuance.objects.get(engagement=engagement).state == "current"
    assert known(engagement)


@pytest.mark.parametrize("who", ["milan", "quinn", "carla"])
@pytest.mark.drill
def test_only_the_partner_decides(who: str) -> None:
    engagement = a.issued()
    fact = known(engagement)
    with pytest.raises(PermissionDenied):
        decide(fact, Decision.WITHDRAW, by=f.people(engagement)[who])
    assert Issuance.objects.get(engagement=engagement).state == "current"


def test_what_is_refused_changes_nothing() -> None:
    engagement = a.issued()
    with pytest.raises(PermissionDenied):
        known(engagement, "sana")
    fact = known(engagement)
    with pytest.raises(ValidationError, match="open first"):
        known(engagement)
    with pytest.raises(ValidationError, match="not your password"):
        decide(fact, Decision.WITHDRAW, password="guess")
    with pytest.raises(ValidationError, match="Say why"):
        decide(fact, Decision.WITHDRAW, reason=" ")
    with pytest.raises(ValidationError, match="Choose"):
        decide(fact, "burn")
    decide(fact, Decision.STANDS)
    with pytest.raises(WrongStage):
        decide(fact, Decision.WITHDRAW)
    with pytest.raises(DatabaseError), transaction.atomic():
        DiscoveredFact.objects.update(reason="Other")
    with pytest.raises(DatabaseError), transaction.atomic():
        DiscoveredFact.objects.all().delete()


def test_a_locked_file_never_opens_again_and_its_report_can_be_withdrawn() -> None:
    engagement = a.locked()
    fact = known(engagement)
    with pytest.raises(ValidationError, match="never opens again"):
        decide(fact, Decision.REISSUE)
    decide(fact, Decision.WITHDRAW)
    engagement.refresh_from_db()
    assert (engagement.stage, engagement.frozen) == (Stage.LOCKED, True)


def test_without_a_decision_to_reissue_the_database_keeps_it_shut() -> None:
    engagement = a.issued()
    known(engagement)
    with pytest.raises(DatabaseError, match="stays frozen"), transaction.atomic():
        Engagement.objects.filter(pk=engagement.pk).update(frozen_at=None, stage=Stage.REPORTING)


def test_an_engagement_with_a_current_report_is_not_left() -> None:
    engagement = a.issued()
    decide(known(engagement), Decision.REISSUE)
    with pytest.raises(Blocked, match="R57"):
        workflow.leave(engagement, reason="Enough.", by=f.people(engagement)["petra"])


def test_a_reissue_that_cannot_be_rendered_leaves_the_old_one_current(monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = a.issued()
    decide(known(engagement), Decision.REISSUE)

    def fail(*arguments: object, **options: object) -> None:
        raise drafting.Unrecoverable("No memory.")

    engagement.refresh_from_db()
    draft = m.approved(engagement)
    with monkeypatch.context() as patched:
        patched.setattr(drafting, "printed", fail)
        made = issuing.issue(
            Engagement.objects.get(pk=engagement.pk),
            by=f.people(engagement)["petra"],
            password=f.PASSWORD,
            draft=draft,
        )
        assert made.job_id is not None
        run(made.job_id)
    assert sorted(Issuance.objects.values_list("state", flat=True)) == ["current", "failed"]
    engagement.refresh_from_db()
    assert not engagement.frozen


def test_the_pages_say_so(client: Client) -> None:
    engagement = a.issued()
    grants = readers(engagement)
    decide(known(engagement), Decision.WITHDRAW)
    client.force_login(f.people(engagement)["petra"], backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("reports:report", args=[engagement.pk])).content.decode()
    assert "This report was withdrawn" in page
    assert (
        "was withdrawn" in client.get(reverse("distribution:distribution", args=[engagement.pk])).content.decode()
    )
    session = client.session
    session["reader_grant"] = grants["rita"].pk
    session.save()
    gate = client.get(reverse("distribution:gate"))
    assert gate.status_code == 403
    assert "was withdrawn: do not rely on it" in gate.content.decode()


def test_who_loses_the_role_while_waiting_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = a.issued()
    fact = known(engagement)
    petra = f.people(engagement)["petra"]
    there = recalling.locked

    def late(found: Engagement) -> Engagement:
        EngagementUserPermission.objects.filter(content_object=found, user=petra).delete()
        return there(found)

    monkeypatch.setattr(recalling, "locked", late)
    with pytest.raises(PermissionDenied):
        decide(fact, Decision.WITHDRAW)
    assert Issuance.objects.get(engagement=engagement).state == Issuance.State.CURRENT
