"""A reader's way from the link to the stamped copy, and every refusal on it."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re

import pikepdf
import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import IntegrityError, InternalError, connection, transaction
from django.test import Client
from django.utils import timezone
from pypdf import PdfReader

from accounts import certificates
from accounts.models import SigningCertificate
from audit.models import Event
from audit.verification import verify
from distribution import agreements, granting, reading
from distribution.models import Acceptance, AccessEvent, Grant
from engagements.models import Engagement
from engagements.register import findings
from reports import storage
from reports.models import Issuance
from reports.sealing import seals_in
from reports.storage import Altered
from tests import factories as f
from tests.certificates import PASSWORD, a_file
from tests.distribution import makers

pytestmark = pytest.mark.django_db

VISITOR = reading.Visitor(user_agent="test browser")


@pytest.fixture
def engagement() -> Engagement:
    return makers.issued()


def stored(issuance: Issuance) -> list[bytes]:
    sums = (issuance.pdf_sha256, issuance.prepared_sha256)
    return [storage.pdf_of(issuance.engagement_id, sha256) for sha256 in sums]


def token_of_mail() -> str:
    found = re.search(r"https?://\S+/read/([^/\s]+)/", mail.outbox[-1].body)
    assert found
    return found.group(1)


def invited(engagement: Engagement, callbacks: object, **fields: object) -> Grant:
    with callbacks(execute=True):  # type: ignore[operator]
        return makers.reader(engagement, **fields)


def kinds(grant: Grant) -> list[str]:
    return list(AccessEvent.objects.filter(grant=grant).order_by("pk").values_list("kind", flat=True))


def accept(grant: Grant, **changed: object) -> Acceptance:
    agreement = agreements.current(grant.engagement)
    assert agreement is not None
    values: dict[str, object] = {
        "agreement_sha256": agreement.sha256,
        "party_class": "prospect",
        "knows": True,
        "typed_name": "Rita Reader",
        "visitor": VISITOR,
    }
    return reading.accept(grant, **{**values, **changed})  # type: ignore[arg-type]


def test_whole_way_in_the_browser(engagement, django_capture_on_commit_callbacks, client: Client):
    grant = invited(engagement, django_capture_on_commit_callbacks)
    assert mail.outbox[-1].to == ["rita@prospect.example"]
    link = f"/read/{token_of_mail()}/"
    assert client.get(link).status_code == 200
    assert Grant.objects.get().token_used_at is None, "following a link, as mail scanners do, must not use it up"
    response = client.post(link)
    assert response.status_code == 302
    page = client.get("/read/")
    assert "Keep it to yourself." in page.content.decode()
    assert client.post("/read/report/").status_code == 403, "no copy before the terms are accepted"
    agreement = agreements.current(engagement)
    wrong = client.post("/read/accept/", {"agreement_sha256": agreement.sha256, "typed_name": "Somebody"})
    assert wrong.status_code == 422
    right = client.post(
        "/read/accept/",
        {
            "agreement_sha256": agreement.sha256,
            "party_class": "prospect",
            "knows": "on",
            "typed_name": "Rita Reader",
        },
    )
    assert right.status_code == 302
    copy = client.post("/read/report/")
    assert copy.status_code == 200
    assert copy["Content-Type"] == "application/pdf"
    assert copy["Content-Disposition"].startswith("attachment")
    assert {"private", "no-store"} <= {part.strip() for part in copy["Cache-Control"].split(",")}
    pages = PdfReader(io.BytesIO(copy.content)).pages
    assert len(pages) == 3
    for page_of_copy in pages:
        text = page_of_copy.extract_text()
        assert "Rita Reader" in text
        assert "rita@prospect.example" in text
        assert f"{timezone.now():%Y}" in text
    assert kinds(grant) == ["invited", "opened", "viewed", "refused", "accepted", "downloaded"]
    event = AccessEvent.objects.get(grant=grant, kind="downloaded")
    assert event.copy_sha256 == hashlib.sha256(copy.content).hexdigest()
    assert event.report_sha256 == Issuance.objects.get().pdf_sha256 != event.copy_sha256
    assert event.agreement == agreement
    assert Event.objects.filter(action="reader.downloaded", engagement_id=engagement.pk).count() == 1
    assert findings("distribution_audit", engagement) == []
    assert verify().faults == []


def test_link_works_once_and_a_new_one_comes_by_mail(
    engagement, django_capture_on_commit_callbacks, client: Client
):
    grant = invited(engagement, django_capture_on_commit_callbacks)
    old = token_of_mail()
    client.post(f"/read/{old}/")
    other = Client()
    refused = other.post(f"/read/{old}/")
    assert refused.status_code == 403
    assert other.get("/read/").status_code == 404
    with django_capture_on_commit_callbacks(execute=True):
        assert other.post(f"/read/{old}/again/").status_code == 200
    assert mail.outbox[-1].to == [grant.email]
    new = token_of_mail()
    assert new != old
    assert other.get(f"/read/{old}/").status_code == 404, "the old link is dead"
    assert other.post(f"/read/{new}/").status_code == 302
    assert other.get("/read/").status_code == 200


def test_unknown_link_says_so(client: Client):
    assert client.get("/read/nothing-like-it/").status_code == 404
    assert client.post("/read/nothing-like-it/").status_code == 404


def test_expiry_and_revocation_end_an_open_session(engagement, client: Client):
    grant = makers.reader(engagement)
    accept(grant)
    session = client.session
    session["reader_grant"] = grant.pk
    session.save()
    assert client.post("/read/report/").status_code == 200
    Grant.objects.filter(pk=grant.pk).update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    late = client.post("/read/report/")
    assert late.status_code == 403
    assert "expired" in late.content.decode()
    Grant.objects.filter(pk=grant.pk).update(expires_at=timezone.now() + dt.timedelta(days=1))
    granting.revoke(grant, by=f.people(engagement)["carla"])
    revoked = client.post("/read/report/")
    assert revoked.status_code == 403
    assert "revoked" in revoked.content.decode()
    assert kinds(grant)[-3:] == ["refused", "revoked", "refused"]


def test_withdrawn_report_is_not_given_out(engagement):
    grant = makers.reader(engagement)
    accept(grant)
    Issuance.objects.filter(engagement=engagement).update(state="withdrawn")
    with pytest.raises(reading.Refused, match="withdrawn"):
        reading.download(grant, visitor=VISITOR)
    assert kinds(grant)[-1] == "refused"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"party_class": ""}, "party_class"),
        ({"party_class": "friend"}, "party_class"),
        ({"knows": False}, "knows"),
        ({"typed_name": "Rita"}, "typed_name"),
    ],
)
def test_acceptance_needs_class_knowledge_and_name(engagement, changed, field):
    grant = makers.reader(engagement)
    with pytest.raises(ValidationError) as refusal:
        accept(grant, **changed)
    assert field in refusal.value.message_dict
    assert not Acceptance.objects.exists()
    with pytest.raises(reading.Refused):
        reading.download(grant, visitor=VISITOR)


def test_new_terms_are_accepted_anew(engagement):
    grant = makers.reader(engagement)
    old = agreements.current(engagement)
    agreements.publish(engagement, text="Other terms", by=f.people(engagement)["carla"])
    with pytest.raises(ValidationError, match="changed"):
        accept(grant, agreement_sha256=old.sha256)
    accept(grant)
    agreements.publish(engagement, text="Third terms", by=f.people(engagement)["carla"])
    with pytest.raises(reading.Refused, match="Accept the terms"):
        reading.download(grant, visitor=VISITOR)


def test_a_changed_file_is_never_given_out(engagement):
    grant = makers.reader(engagement)
    accept(grant)
    issuance = Issuance.objects.get()
    name = storage.pdf_name(issuance.engagement_id, issuance.prepared_sha256)
    storages["reports"].delete(name)
    storages["reports"].save(name, ContentFile(makers.pdf(4)))
    with pytest.raises(Altered):
        reading.download(grant, visitor=VISITOR)
    assert "downloaded" not in kinds(grant)


def test_no_copy_without_its_record(engagement, monkeypatch):
    grant = makers.reader(engagement)
    accept(grant)

    def broken(*args: object, **fields: object) -> None:
        raise IntegrityError("the trail cannot be written")

    monkeypatch.setattr(reading, "record", broken)
    with pytest.raises(IntegrityError):
        reading.download(grant, visitor=VISITOR)
    assert "downloaded" not in kinds(grant)


@pytest.mark.parametrize("table", ["accessevent", "acceptance", "nondisclosureagreement"])
def test_log_and_acceptances_are_append_only(engagement, table):
    accept(makers.reader(engagement))
    for statement in (
        f"UPDATE distribution_{table} SET id = id + 1000",  # noqa: S608
        f"DELETE FROM distribution_{table}",  # noqa: S608
    ):
        with pytest.raises(InternalError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_copies_are_valid_and_do_not_touch_the_issued_file(engagement):
    grant = makers.reader(engagement)
    accept(grant)
    before = stored(Issuance.objects.get())
    copy = reading.download(grant, visitor=VISITOR)
    with pikepdf.open(io.BytesIO(copy.content)) as opened:
        assert len(opened.pages) == 3
    assert stored(Issuance.objects.get()) == before


def test_copies_are_signed_as_long_as_the_firm_can_sign(engagement):
    grant, firm, petra = makers.reader(engagement), engagement.firm, engagement.created_by
    accept(grant)

    def copied() -> bytes:
        return reading.download(grant, visitor=VISITOR).content

    certificates.keep(firm, pkcs12=a_file(), password=PASSWORD, by=petra)
    kept = SigningCertificate.objects.get()
    (found,) = seals_in(copied(), certificates.signer_of(firm).certificate)
    assert found.sound
    expired = certificates.opened(a_file(days=-3), PASSWORD)
    SigningCertificate.objects.update(**certificates.kept_as(expired))
    assert seals_in(copied(), expired.certificate) == []
    SigningCertificate.objects.update(sealed_key="of another SECRET_KEY")
    assert seals_in(copied(), expired.certificate) == []
    certificates.remove(kept, by=petra)
    assert seals_in(copied(), expired.certificate) == []
    certificates.keep(firm, pkcs12=a_file(), password=PASSWORD, by=petra)
    assert [one.sound for one in seals_in(copied(), certificates.signer_of(firm).certificate)] == [True]
