"""The firm's seal: what it says of a file, and that no change after it stays unseen."""

from __future__ import annotations

import io

import pikepdf
import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from accounts.certificates import opened
from reports.sealing import SealError, seal, sealed_with, seals_in
from tests.certificates import PASSWORD, a_file
from tests.reports import pdf, snapshots
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
