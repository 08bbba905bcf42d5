"""The firm's seal: what it says of a file, and that no change after it stays unseen."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from django.utils import timezone
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pytest_django import Settings

from accounts.certificates import opened
from audit import timestamps
from reports.sealing import SealError, seal, sealed_with, seals_in
from tests.audit.authority import Authority, serving
from tests.certificates import DAY, PASSWORD, a_file
from tests.reports import pdf, snapshots
from tests.reports.makers import a_pdf
from tests.reports.printing import printed

SIGNER = opened(a_file(), PASSWORD)


@pytest.fixture(scope="module")
def report() -> bytes:
    return printed(snapshots.type_1()).pdf


@pytest.fixture(scope="module")
def sealed(report: bytes) -> bytes:
    return seal(report, SIGNER, name="Marlowe & Finch LLP", reason="Report 2026-0147, issued", location="Portland")


def test_sealed_is_the_report_and_an_update(report: bytes, sealed: bytes) -> None:
    assert sealed.startswith(report)
    assert pdf.texts(sealed) == pdf.texts(report)
    (found,) = seals_in(sealed, SIGNER.certificate)
    assert (found.sound, found.intact) == (True, True)
    assert "Alder & Finch LLP" in found.subject


def test_seal_names_who_why_and_allows_no_change(sealed: bytes) -> None:
    with pikepdf.open(io.BytesIO(sealed)) as document:
        signature = document.Root.AcroForm.Fields[0].V
        assert signature.SubFilter == "/ETSI.CAdES.detached"
        assert [str(signature[key]) for key in ("/Name", "/Reason", "/Location")] == [
            "Marlowe & Finch LLP",
            "Report 2026-0147, issued",
            "Portland",
        ]
        assert document.Root.Perms.DocMDP.objgen == signature.objgen
        assert signature.Reference[0].TransformParams.P == 1


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_one_flipped_byte_is_found(report: bytes, sealed: bytes, place: float) -> None:
    altered = bytearray(sealed)
    altered[int(len(report) * place)] ^= 1
    assert not any(found.sound for found in seals_in(bytes(altered), SIGNER.certificate))


def test_one_flipped_byte_in_the_signature_is_found(sealed: bytes) -> None:
    """In its own bytes, and in the zeros that fill what was reserved for them: the one place it does not cover."""
    start = sealed.rindex(b"/Contents <") + len(b"/Contents <")
    end = sealed.index(b">", start)
    signed = start + len(sealed[start:end].rstrip(b"0"))
    for at in (*range(start, signed, 101), signed + 7, end - 2):
        altered = bytearray(sealed)
        altered[at] ^= 1
        assert not any(one.sound for one in seals_in(bytes(altered), SIGNER.certificate)), at - start


def test_an_update_after_the_seal_is_found(sealed: bytes) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    writer.root["/Added"] = generic.pdf_name("/Later")
    writer.update_root()
    updated = io.BytesIO()
    writer.write(updated)
    (found,) = seals_in(updated.getvalue(), SIGNER.certificate)
    assert (found.sound, found.intact) == (False, True)


def test_another_certificate_of_the_same_name_is_not_trusted(sealed: bytes) -> None:
    (found,) = seals_in(sealed, opened(a_file(), PASSWORD).certificate)
    assert not found.sound


def test_who_sealed_is_told_of_an_altered_file_too(sealed: bytes, report: bytes) -> None:
    assert len(sealed_with(sealed + b"\n% more")) == 1
    assert sealed_with(report) == sealed_with(b"no PDF") == []


def test_what_is_no_pdf_is_not_sealed() -> None:
    with pytest.raises(SealError, match="could not be sealed"):
        seal(b"no PDF", SIGNER, name="n", reason="r", location="l")


@pytest.fixture
def authority(settings: Settings, tmp_path: Path) -> Iterator[Authority]:
    with serving(tmp_path / "tsa") as (made, url):
        settings.TIMESTAMP_URL, settings.TIMESTAMP_CA = url, str(made.root)
        yield made


@pytest.mark.drill
def test_the_authoritys_time_is_in_the_seal_and_no_other_counts(authority: Authority, tmp_path: Path) -> None:
    timed = seal(a_pdf(), SIGNER, name="n", reason="r", location="l")
    (found,) = seals_in(timed, SIGNER.certificate, authority=authority.root.read_text())
    assert found.sound
    assert found.at is not None
    assert abs((found.at - timezone.now()).total_seconds()) < 120
    for other in ("", Authority(tmp_path / "other").root.read_text()):
        (found,) = seals_in(timed, SIGNER.certificate, authority=other)
        assert (found.sound, found.at) == (False, None)


@pytest.mark.parametrize("mood", ["down", "junk", "other", "endless"])
def test_no_seal_without_the_time_that_is_wanted(authority: Authority, mood: str) -> None:
    if mood == "other":  # a good answer, to another question
        timestamps.probe()
    authority.mood = mood
    with pytest.raises(timestamps.Unavailable):
        seal(a_pdf(), SIGNER, name="n", reason="r", location="l")


def test_a_certificate_that_expired_later_has_sealed_well() -> None:
    signer = opened(a_file(days=1), PASSWORD)
    then = timezone.now()
    made = seal(a_pdf(), signer, name="n", reason="r", location="l")
    # Trusted is the firm's certificate itself, whose own end says nothing of what it sealed before.
    for at in (then, then + 3 * DAY):
        assert [one.sound for one in seals_in(made, signer.certificate, at=at)] == [True]


def test_the_seal_leaves_the_metadata_as_they_are(report: bytes, sealed: bytes) -> None:
    with pikepdf.open(io.BytesIO(report)) as old, pikepdf.open(io.BytesIO(sealed)) as new:
        assert new.Root.Metadata.read_bytes() == old.Root.Metadata.read_bytes()
        assert dict(new.docinfo) == dict(old.docinfo)
