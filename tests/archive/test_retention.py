"""A file is kept for its years, longer under a hold, and destroyed by two; what stays can be verified (R60)."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import storages
from django.db import connection, models, transaction
from django.db.utils import DatabaseError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from archive import certificates, packing, purging, retention, verify_pack
from archive.models import FileLock, Purge, PurgeCertificate
from audit import checkpoints, verification
from audit.models import Chain, Event
from audit.trail import chain_of
from audit.verify_trail import Bad
from distribution import verifying
from distribution.models import AccessEvent, Grant
from engagements.models import Engagement, EngagementUserPermission, Stage
from engagements.register import Blocked
from engagements.workflow import WrongStage
from jobs.models import MAX_ATTEMPTS, Job
from jobs.running import run
from reports import storage
from reports.models import Issuance
from tests import factories as f
from tests.archive import makers as a
from tests.database import as_owner
from tests.distribution import makers as distribution

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]
BACKEND = "django.contrib.auth.backends.ModelBackend"


def overdue() -> Engagement:
    """A locked file whose time is over, read by somebody, with an addendum."""
    engagement = a.locked()
    a.added(engagement)
    grant = distribution.reader(engagement)
    issuance = Issuance.objects.get(engagement=engagement)
    AccessEvent.objects.create(
        engagement=engagement, grant=grant, issuance=issuance, kind="downloaded", copy_sha256="c" * 64
    )
    a.aged(engagement)
    return engagement


def ask(engagement: Engagement, who: str = "petra", password: str = f.PASSWORD) -> Purge:
    return retention.ask_purge(
        engagement, reason="Its time is over.", by=f.people(engagement)[who], password=password
    )


def approve(engagement: Engagement, who: str = "milan", password: str = f.PASSWORD) -> Purge:
    return retention.approve_purge(engagement, by=f.people(engagement)[who], password=password)


def purged(engagement: Engagement) -> PurgeCertificate:
    ask(engagement)
    job = approve(engagement).job_id
    assert job is not None
    run(job)
    engagement.refresh_from_db()
    return PurgeCertificate.objects.get(engagement=engagement)


def test_two_people_destroy_it_and_rows_and_bytes_are_gone(client: Client) -> None:
    engagement = overdue()
    kept = {model: model._default_manager.count() for model in (Event,)}
    certificate = purged(engagement)
    a.constraints_now()
    assert engagement.stage == Stage.PURGED
    assert a.rows_left(engagement) == {"engagements.engagement": 1}
    for model in apps.get_models():
        if model in purging.STAYS:
            continue
        for field in model._meta.local_fields:
            if isinstance(field, models.ForeignKey) and field.related_model is Engagement:
                left = model._default_manager.filter(**{field.name: engagement}).count()
                assert not left, model._meta.label
    assert not Grant.objects.exists()
    for store in purging.STORES:
        assert not (Path(storages[store].location) / str(engagement.pk)).exists()  # type: ignore[attr-defined]
    assert Event.objects.count() > kept[Event]
    assert (engagement.acceptance_note, engagement.letter_signed_for_client) == ("", "")
    assert certificates.check(certificate).holds
    assert Purge.objects.get().state == Purge.State.DONE

    # The pages say so, and offer nothing of what is gone.
    client.force_login(f.people(engagement)["milan"], backend="django.contrib.auth.backends.ModelBackend")
    shown = client.get(engagement.get_absolute_url()).content.decode()
    assert "was destroyed" in shown
    assert reverse("archive:certificate", args=[engagement.pk]) in shown
    assert reverse("archive:file", args=[engagement.pk]) in shown
    for gone in ("engagements:controls", "fieldwork:testing", "reports:report"):
        assert reverse(gone, args=[engagement.pk]) not in shown


def test_a_clock_ahead_of_the_database_hastens_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = a.locked()
    later = timezone.now() + dt.timedelta(days=4000)
    monkeypatch.setattr(timezone, "now", lambda: later)
    with pytest.raises(Blocked, match="is kept until"):
        ask(engagement)
    client.force_login(f.people(engagement)["milan"], backend=BACKEND)
    page = client.get(reverse("archive:file", args=[engagement.pk])).content.decode()
    assert reverse("archive:ask_purge", args=[engagement.pk]) not in page
    assert not Purge.objects.exists()


@pytest.mark.drill
def test_trail_and_certificate_still_verify_and_match_a_pack_that_was_kept(tmp_path: Path) -> None:
    engagement = overdue()
    checkpoints.write()
    pack = a.archive_of(engagement, tmp_path / "pack.zip")
    certificate = purged(engagement)
    chain = Chain.objects.get(pk=chain_of(engagement))
    assert verification.verify_chain(chain) is None
    facts = json.loads(certificate.text)
    with pack.open("rb") as file:
        archive = verify_pack.Archive(file)
        manifest = verify_pack.manifest_of(archive, archive.names())
        hashes = [one.hex() for one in verify_pack.leaves(archive, manifest)]
    assert facts["destroyed"]["leaves"] == hashes
    assert facts["lock"]["root"] == verify_pack.tree_root([bytes.fromhex(one) for one in hashes])
    event = Event.objects.get(engagement_id=engagement.pk, action="file.purged")
    assert event.detail["certificate_sha256"] == hashlib.sha256(certificate.text.encode()).hexdigest()
    assert facts["destroyed"]["rows"]["fieldwork.itemresult"] == 3
    assert facts["asked"]["by"] == "Petra Alder"
    assert facts["approved"]["by"] == "Milan Finch"


def test_a_certificate_that_was_changed_does_not_hold() -> None:
    certificate = purged(overdue())
    with pytest.raises(DatabaseError), transaction.atomic():
        PurgeCertificate.objects.update(text="{}")
    with pytest.raises(DatabaseError), transaction.atomic():
        as_owner("DELETE FROM archive_purgecertificate")
    changed = certificate.text.replace("Petra Alder", "Nobody Else")
    a.tampered("archive_purgecertificate", f"UPDATE archive_purgecertificate SET text = $x${changed}$x$")  # noqa: S608
    certificate.refresh_from_db()
    assert not certificates.check(certificate).text
    sha256 = hashlib.sha256(changed.encode()).hexdigest()
    a.tampered("archive_purgecertificate", f"UPDATE archive_purgecertificate SET sha256 = '{sha256}'")  # noqa: S608
    certificate.refresh_from_db()
    found = certificates.check(certificate)
    assert (found.text, found.trail) == (True, False)


def test_its_report_is_still_known_by_its_hash() -> None:
    engagement = overdue()
    issuance = Issuance.objects.get(engagement=engagement)
    pdf = storage.pdf_of(engagement.pk, issuance.pdf_sha256)
    purged(engagement)
    verdict = verifying.verify(pdf)
    assert verdict.genuine
    assert issuance.number in verdict.words
    assert verifying.verify(pdf + b"x").state == "unknown"


def test_one_person_is_not_two() -> None:
    engagement = overdue()
    ask(engagement, "petra")
    with pytest.raises(PermissionDenied, match="two people"):
        approve(engagement, "petra")
    petra = f.people(engagement)["petra"]
    with pytest.raises(DatabaseError, match="purge_takes_two"), transaction.atomic():
        Purge.objects.update(state="approved", approved_by=petra, approved_at=engagement.created_at)
    with pytest.raises(ValidationError, match="not your password"):
        approve(engagement, "milan", password="guess")
    with pytest.raises(PermissionDenied):
        approve(engagement, "sana")
    assert a.rows_left(engagement)["engagements.control"] == 1


def test_one_of_the_two_is_the_partner() -> None:
    engagement = overdue()
    ask(engagement, "milan")
    with pytest.raises(PermissionDenied, match="partner"):
        approve(engagement, "quinn")
    assert approve(engagement, "petra").state == Purge.State.APPROVED


def test_before_its_time_nobody_can() -> None:
    engagement = a.locked()
    with pytest.raises(Blocked, match="R60"):
        ask(engagement)
    # Nor by SQL: the database asks its own clock.
    with pytest.raises(DatabaseError, match="is to be kept"), transaction.atomic():
        Purge.objects.create(engagement=engagement, reason="R", asked_by=engagement.created_by)
    FileLock.objects.get(engagement=engagement)
    a.aged(engagement, 7)
    with pytest.raises(Blocked, match="R60"):
        ask(engagement)


def test_a_hold_stops_it_even_between_the_two() -> None:
    engagement = overdue()
    people = f.people(engagement)
    ask(engagement)
    hold = retention.place_hold(engagement, reason="Litigation, counsel of the firm.", by=people["quinn"])
    assert Purge.objects.get().state == Purge.State.CANCELLED
    with pytest.raises(Blocked, match="hold"):
        ask(engagement)
    with pytest.raises(DatabaseError, match="legal hold"), transaction.atomic():
        Purge.objects.create(engagement=engagement, reason="R", asked_by=people["petra"])
    with pytest.raises(DatabaseError), transaction.atomic():
        as_owner("DELETE FROM archive_legalhold")
    with pytest.raises(PermissionDenied):
        retention.lift_hold(hold, reason="Over.", by=people["quinn"])
    with pytest.raises(ValidationError):
        retention.lift_hold(hold, reason=" ", by=people["petra"])
    retention.lift_hold(hold, reason="Settled, counsel.", by=people["petra"])
    with pytest.raises(WrongStage):
        retention.lift_hold(hold, reason="Again.", by=people["petra"])
    assert purged(engagement)
    facts = json.loads(PurgeCertificate.objects.get().text)
    assert facts["retention"]["holds"][0]["reason"].startswith("Litigation")


def test_a_forged_approval_deletes_nothing_before_its_time() -> None:
    """Whoever can write SQL as the application still meets the retention."""
    engagement = a.locked()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO archive_purge (engagement_id, state, reason, asked_by_id, asked_at, approved_by_id,"
            " approved_at, destroyed) VALUES (%s, 'approved', 'R', 1, now(), 2, now(), '{}')",
            [engagement.pk],
        )
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM fieldwork_signoff WHERE engagement_id = %s", [engagement.pk])


def test_a_file_that_was_tampered_with_is_not_destroyed() -> None:
    engagement = overdue()
    a.tampered(
        "engagements_control",
        f"UPDATE engagements_control SET title = 'Other' WHERE engagement_id = {engagement.pk}",  # noqa: S608
    )
    ask(engagement)
    job = approve(engagement).job_id
    assert job is not None
    run(job)
    assert "Nothing was destroyed" in Job.objects.get(pk=job).error
    assert a.rows_left(engagement)["engagements.control"] == 1
    # The approval is over: the file is as well kept as before, can be held, and be asked for again.
    assert Purge.objects.get().state == Purge.State.CANCELLED
    assert Event.objects.filter(engagement_id=engagement.pk, action="file.purge_failed").count() == 1
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM fieldwork_signoff WHERE engagement_id = %s", [engagement.pk])
    assert ask(engagement)
    assert retention.place_hold(engagement, reason="Who did that?", by=f.people(engagement)["petra"])


def test_a_worker_that_dies_in_between_goes_on_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = overdue()
    ask(engagement)
    job = approve(engagement).job_id
    assert job is not None

    def die(store: str, engagement_id: int) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr(purging, "empty", die)
        with pytest.raises(OSError, match="power cut"):
            run(job)
    assert a.rows_left(engagement) == {"engagements.engagement": 1}
    assert not PurgeCertificate.objects.exists()
    with pytest.raises(DatabaseError, match="brought to its end"), transaction.atomic():
        Purge.objects.update(state="cancelled")
    run(job)
    assert certificates.check(PurgeCertificate.objects.get()).holds


def test_one_that_stopped_half_way_is_brought_to_its_end_later(monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = overdue()
    ask(engagement)
    job = approve(engagement).job_id
    assert job is not None

    def full(store: str, engagement_id: int) -> None:
        raise OSError("the store is away")

    with monkeypatch.context() as patched:
        patched.setattr(purging, "empty", full)
        for _ in range(MAX_ATTEMPTS):
            with pytest.raises(OSError, match="away"):
                run(job)
    assert (Job.objects.get(pk=job).state, Purge.objects.get().state) == (Job.State.FAILED, Purge.State.APPROVED)
    assert (retention.carry_on(), retention.carry_on()) == (1, 0)
    again = Purge.objects.get().job_id
    assert again is not None
    run(again)
    assert certificates.check(PurgeCertificate.objects.get()).holds


def test_others_keep_theirs() -> None:
    engagement = overdue()
    other = f.accepted(system_name="Payroll", a_client=f.client(name="Southgate Labs, Inc."))
    before = a.rows_left(other)
    purged(engagement)
    assert a.rows_left(other) == before


def test_it_can_be_called_off() -> None:
    engagement = overdue()
    ask(engagement)
    with pytest.raises(WrongStage):
        ask(engagement, "milan")
    retention.cancel_purge(engagement, by=f.people(engagement)["quinn"])
    with pytest.raises(WrongStage):
        approve(engagement)
    assert ask(engagement, "milan")


@pytest.mark.drill
def test_a_changed_pack_does_not_pass_for_the_one_destroyed(tmp_path: Path) -> None:
    engagement = overdue()
    checkpoints.write()
    content = bytearray(a.archive_of(engagement, tmp_path / "pack.zip").read_bytes())
    content[len(content) // 2] ^= 1
    with pytest.raises(Bad):
        verify_pack.verify(verify_pack.Archive(io.BytesIO(bytes(content))), None)


@pytest.mark.drill
def test_nothing_comes_to_a_file_that_is_being_destroyed_and_no_copy_outlives_it() -> None:
    engagement = overdue()
    people = f.people(engagement)
    ask(engagement)
    pack = packing.ask(engagement, by=people["petra"])
    with pytest.raises(WrongStage, match="outlive"):
        approve(engagement)
    assert pack.job_id is not None
    run(pack.job_id)
    approve(engagement)
    with pytest.raises(WrongStage, match="being destroyed"):
        packing.ask(engagement, by=people["petra"])
    with pytest.raises(WrongStage, match="being destroyed"):
        a.added(engagement)
    client = Client()
    client.force_login(people["petra"], backend=BACKEND)
    shown = client.get(reverse("archive:file", args=[engagement.pk])).content.decode()
    assert "Destroying the file" in shown
    for words in ("Add an addendum", "Make a pack", "Place a legal hold"):
        assert words not in shown


@pytest.mark.parametrize("act", ["ask", "approve", "hold", "lift"])
@pytest.mark.drill
def test_who_loses_the_role_while_waiting_does_none_of_it(act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = overdue()
    people = f.people(engagement)
    hold = retention.place_hold(engagement, reason="Matter.", by=people["petra"]) if act == "lift" else None
    if act == "approve":
        ask(engagement, "petra")
    who = "petra" if act == "lift" else "quinn"
    there = retention.locked

    def late(found: Engagement) -> Engagement:
        EngagementUserPermission.objects.filter(content_object=found, user=people[who]).delete()
        return there(found)

    monkeypatch.setattr(retention, "locked", late)
    acts: dict[str, Callable[[], object]] = {
        "ask": lambda: ask(engagement, who),
        "approve": lambda: approve(engagement, who),
        "hold": lambda: retention.place_hold(engagement, reason="Matter.", by=people[who]),
        "lift": lambda: hold and retention.lift_hold(hold, reason="Over.", by=people[who]),
    }
    with pytest.raises(PermissionDenied):
        acts[act]()


def test_the_page_of_a_destroyed_file_offers_nothing_that_is_gone(client: Client) -> None:
    engagement = overdue()
    purged(engagement)
    client.force_login(f.people(engagement)["petra"])
    page = client.get(reverse("archive:file", args=[engagement.pk])).content.decode()
    assert "It was kept until" in page
    for words in ("Peer-review pack", "Addenda", "is an addendum", "; due"):
        assert words not in page
