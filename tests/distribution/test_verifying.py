"""Whoever holds a file learns whether it is a report of ours, by page and by command."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts import certificates
from accounts.certificates import signer_of
from accounts.models import SigningCertificate
from distribution import agreements, reading
from distribution.models import Grant
from distribution.verifying import verify
from engagements.models import Engagement
from jobs.running import run
from reports import issuing, storage
from reports.models import Issuance
from reports.sealing import seal
from tests import factories as f
from tests.certificates import PASSWORD, a_file
from tests.distribution import makers
from tests.reports import makers as reports

pytestmark = pytest.mark.django_db


@pytest.fixture
def issuance() -> Issuance:
    return Issuance.objects.get(engagement=makers.issued())


def file_of(issuance: Issuance) -> bytes:
    return storage.pdf_of(issuance.engagement_id, issuance.pdf_sha256)


@pytest.mark.parametrize(
    ("state", "words"), [("current", "is current"), ("superseded", "newer report"), ("withdrawn", "do not rely")]
)
def test_an_issued_file_is_genuine_and_its_standing_is_told(issuance: Issuance, state: str, words: str) -> None:
    if state != "current":
        Issuance.objects.filter(pk=issuance.pk).update(state=state)
    verdict = verify(file_of(issuance))
    assert (verdict.state, verdict.genuine, verdict.copy) == (state, True, False)
    assert words in verdict.words


@pytest.fixture
def copied(issuance: Issuance) -> tuple[Grant, bytes]:
    """A grant and the signed copy made under it."""
    engagement = Engagement.objects.get(pk=issuance.engagement_id)
    certificates.keep(engagement.firm, pkcs12=a_file(), password=PASSWORD, by=engagement.created_by)
    grant = makers.reader(engagement)
    visitor = reading.Visitor(user_agent="test")
    reading.open_link(grant, visitor=visitor)
    agreement = agreements.current(engagement)
    assert agreement is not None
    reading.accept(
        grant,
        agreement_sha256=agreement.sha256,
        party_class="prospect",
        knows=True,
        typed_name="Rita Reader",
        visitor=visitor,
    )
    return grant, reading.download(grant, visitor=visitor).content


def test_a_readers_copy_is_genuine_and_says_whose(copied: tuple[Grant, bytes]) -> None:
    grant, content = copied
    verdict = verify(content)
    assert (verdict.genuine, verdict.copy, verdict.grant) == (True, True, grant)
    assert f"the reader's copy for grant {grant.pk} of report" in verdict.words
    assert "Rita" not in verdict.words
    # The firm's certificate may be another one by now, or none.
    certificates.remove(SigningCertificate.objects.get(), by=grant.engagement.created_by)
    assert [one.sound for one in verify(content).seals] == [True]
    Issuance.objects.update(state="withdrawn")
    assert "do not rely" in verify(content).words


def test_an_altered_copy_still_says_whose_it_was(copied: tuple[Grant, bytes], issuance: Issuance) -> None:
    grant, content = copied
    for altered in (content + b"\n", content.replace(b"rita@prospect", b"else@prospect"), content[:-40_000]):
        verdict = verify(altered)
        assert (verdict.state, verdict.genuine, verdict.grant) == ("altered", False, grant)
        assert f"grant {grant.pk}" in verdict.words
        assert not any(one.sound for one in verdict.seals)
    sha256 = issuance.pdf_sha256.encode()
    for unknown in (content.replace(sha256, b"0" * 64), content.replace(b"Grant>%d<" % grant.pk, b"Grant>0<")):
        assert verify(unknown).state == "unknown"


def test_who_the_reader_is_learns_who_may_see_the_readers(
    copied: tuple[Grant, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grant, content = copied
    people, url = f.people(grant.engagement), reverse("distribution:verify")
    for who, named in ((None, False), (people["carla"], True), (people["owen"], False), (f.person("nemo"), False)):
        client = Client()
        if who is not None:
            client.force_login(who)
        shown = client.post(url, {"file": SimpleUploadedFile("a.pdf", content)}).content.decode()
        assert f"Grant {grant.pk}" in shown
        assert ("Rita Reader" in shown, "rita@prospect.example" in shown) == (named, named)
    (tmp_path / "copy.pdf").write_bytes(content)
    call_command("verify_report", tmp_path / "copy.pdf")
    assert f"Grant {grant.pk}: Rita Reader (Prospect Ltd), rita@prospect.example" in capsys.readouterr().out


def test_any_other_file_is_unknown(issuance: Issuance) -> None:
    verdict = verify(file_of(issuance) + b"\n")
    assert (verdict.state, verdict.issuance) == ("unknown", None)


def _form(signature: pikepdf.Object, document: pikepdf.Pdf) -> bytes:
    document.add_blank_page()
    document.Root.AcroForm = pikepdf.Dictionary(Fields=[signature])
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def without_end() -> bytes:
    """A form whose fields are reached in 2 to the 60th ways."""
    document = pikepdf.Pdf.new()
    field = document.make_indirect(pikepdf.Dictionary(FT=pikepdf.Name.Sig, T="s"))
    for _ in range(60):
        field = document.make_indirect(pikepdf.Dictionary(FT=pikepdf.Name.Sig, T="s", Kids=[field, field]))
    return _form(field, document)


def no_signature() -> bytes:
    document = pikepdf.Pdf.new()
    value = pikepdf.Dictionary(
        SubFilter=pikepdf.Name("/ETSI.CAdES.detached"), ByteRange=[0, 1, 2, 3], Contents=b"\x30\x03\x02\x01\x05"
    )
    signed = pikepdf.Dictionary(FT=pikepdf.Name.Sig, T="s", V=document.make_indirect(value))
    return _form(document.make_indirect(signed), document)


@pytest.mark.parametrize("made", [without_end, no_signature, lambda: b"%PDF-1.7\n/Root " + b"[" * 9999])
def test_a_file_made_to_harm_is_unknown_at_once(made: Callable[[], bytes]) -> None:
    began = time.process_time()
    assert verify(made()).state == "unknown"
    assert time.process_time() - began < 5


@pytest.mark.usefixtures("quick")
def test_a_sealed_report_that_was_changed_is_told_from_one_unknown() -> None:
    draft = reports.ready()
    firm = draft.engagement.firm
    petra = draft.engagement.created_by
    certificates.keep(firm, pkcs12=a_file(), password=PASSWORD, by=petra)
    issuance = issuing.issue(draft.engagement, by=petra, password=f.PASSWORD, draft=draft)
    assert issuance.job_id is not None
    run(issuance.job_id)
    issuance.refresh_from_db()
    assert issuance.state == "current"
    sealed = file_of(issuance)
    verdict = verify(sealed)
    assert [one.sound for one in verdict.seals] == [True]
    altered = verify(sealed + b"\n% added")
    assert (altered.state, altered.genuine) == ("altered", False)
    assert [one.sound for one in altered.seals] == [False]
    # The firm's certificate seals the reports of all its clients: a file is not taken for another one's report,
    # whatever it says of itself.
    for number in ("2026-9999-1", issuance.number):
        reason = f"Report {number}, issued"
        foreign = seal(reports.a_pdf(), signer_of(firm), name="Marlowe", reason=reason, location="Portland")
        assert (verify(foreign).state, verify(foreign).issuance) == ("unknown", None)


def test_the_page_needs_no_account_and_keeps_nothing(issuance: Issuance) -> None:
    client = Client()
    url = reverse("distribution:verify")
    assert client.get(url).status_code == 200
    shown = client.post(url, {"file": SimpleUploadedFile("report.pdf", file_of(issuance))}).content.decode()
    assert "Genuine: this is report" in shown
    assert "Lakeshore Ledger, Inc." in shown
    other = client.post(url, {"file": SimpleUploadedFile("a.pdf", b"%PDF-1.7")})
    assert "not issued here" in other.content.decode()
    assert client.post(url).status_code == 422
    cache.clear()


def test_too_many_files_are_refused_in_words() -> None:
    url = reverse("distribution:verify")
    answers = [Client().post(url, {"file": SimpleUploadedFile("a.pdf", b"x")}) for _ in range(21)]
    assert {one.status_code for one in answers[:20]} == {200}
    assert answers[20].status_code == 422
    assert "Too many files" in answers[20].content.decode()


def test_the_command_says_the_same(issuance: Issuance, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(file_of(issuance))
    call_command("verify_report", file)
    assert "Genuine" in capsys.readouterr().out
    file.write_bytes(b"%PDF-1.7")
    with pytest.raises(CommandError, match="not issued here"):
        call_command("verify_report", file)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_report", tmp_path / "none.pdf")
