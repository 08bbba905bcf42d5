"""A reader's copy: marked on every page and in its metadata, otherwise the issued report."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from pathlib import Path

import pikepdf
import pytest

from reports import stamping
from reports.stamping import NAMESPACE, StampError, stamp
from tests.reports import pdf, snapshots
from tests.reports.printing import printed

AT = dt.datetime(2026, 11, 22, 9, 3, 5, tzinfo=dt.timezone(dt.timedelta(hours=-5)))


@pytest.fixture(scope="module")
def master() -> bytes:
    return printed(snapshots.type_2()).pdf


def copy_for(master: bytes, name: str = "Dana Whitfield", email: str = "dana@reader.example") -> bytes:
    sha256 = hashlib.sha256(master).hexdigest()
    return stamp(
        master, name=name, email=email, at=AT, grant_id="7f2a91", master_sha256=sha256, issued_sha256=sha256
    )


def test_every_page_bears_who_when_and_which_grant(master: bytes) -> None:
    texts = pdf.texts(copy_for(master))
    assert len(texts) == len(pdf.texts(master))
    for text in texts:
        assert "Copy for Dana Whitfield, dana@reader.example" in text
        assert "2026-11-22 14:03:05 UTC · Grant 7f2a91" in text
        assert hashlib.sha256(master).hexdigest() in text


def test_everything_else_stays(master: bytes) -> None:
    copy = copy_for(master)
    for before, after in zip(pdf.texts(master), pdf.texts(copy), strict=True):
        assert after.startswith(before)
    assert pdf.outline(copy) == pdf.outline(master)
    with pikepdf.open(io.BytesIO(master)) as old, pikepdf.open(io.BytesIO(copy)) as new:
        assert pdf.links(new) == pdf.links(old)
        assert pdf.destinations(new) == pdf.destinations(old)
        assert pdf.in_tree(new) == pdf.in_tree(old)
        assert [page.label for page in new.pages] == [page.label for page in old.pages]
        assert new.docinfo["/Title"] == old.docinfo["/Title"]


def test_stamp_is_one_shared_artifact(master: bytes) -> None:
    with pikepdf.open(io.BytesIO(copy_for(master))) as document:
        forms = {page.obj.Resources.XObject.ReaderStamp.objgen for page in document.pages}
        assert len(forms) == 1
        for page in document.pages:
            last = page.obj.Contents[-1].read_bytes()
            assert b"/Artifact <</Type /Pagination /Subtype /Watermark>> BDC" in last
            assert b"/ReaderStamp Do" in last
    assert len(copy_for(master)) - len(master) < 40_000


def test_fonts_of_the_stamp_are_embedded(master: bytes) -> None:
    with pikepdf.open(io.BytesIO(copy_for(master))) as document:
        fonts = document.pages[0].obj.Resources.XObject.ReaderStamp.Resources.Font
        assert all("/FontFile2" in font.DescendantFonts[0].FontDescriptor for font in fonts.values())


def test_metadata_carry_recipient_and_master(master: bytes) -> None:
    with pikepdf.open(io.BytesIO(copy_for(master, name="山田 太郎"))) as document:
        sha256 = hashlib.sha256(master).hexdigest()
        assert str(document.docinfo["/AttestryRecipient"]) == "山田 太郎"
        assert str(document.docinfo["/AttestryMasterSHA256"]) == sha256
        with document.open_metadata() as metadata:
            assert metadata[f"{{{NAMESPACE}}}Recipient"] == "山田 太郎"
            assert metadata[f"{{{NAMESPACE}}}RecipientEmail"] == "dana@reader.example"
            assert metadata[f"{{{NAMESPACE}}}CopiedAt"] == "2026-11-22T14:03:05+00:00"
            assert metadata[f"{{{NAMESPACE}}}Grant"] == "7f2a91"
            assert metadata[f"{{{NAMESPACE}}}MasterSHA256"] == sha256
            assert str(metadata["pdfuaid:part"]) == "1"


NAMES = {
    "Łukasz Żółć-Nováková": "Łukasz Żółć-Nováková",
    "Ναταλία Παπαδοπούλου": "Ναταλία Παπαδοπούλου",
    "Журавлёва Анна": "Журавлёва Анна",
    "Zoe\u0308 Muller": "Zoë Muller",  # composed
    "山田 太郎": "ShanTian TaiLang",  # no glyphs: transliterated
    "محمد علي": "mhmd `ly",
    "Nguyễn Thị Hoa": "Nguyen Thi Hoa",
    "Mallory\n(cid:1) ) Tj\u202e\x00": "Mallory (cid:1) ) Tj",
    "😀": ":grinning:",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_in_any_script_leave_a_readable_mark(master: bytes, name: str) -> None:
    text = pdf.texts(copy_for(master, name=name))[0]
    assert f"Copy for {NAMES[name]}, dana@reader.example" in text


def test_very_long_names_stay_on_the_page(master: bytes) -> None:
    copy = copy_for(master, name="Wilhelmina " * 14, email="w" * 120 + "@reader.example")
    assert all("w" * 120 + "@reader.example" in text.replace(" ", "") for text in pdf.texts(copy))


def test_same_arguments_give_the_same_bytes(master: bytes) -> None:
    assert copy_for(master) == copy_for(master)
    assert copy_for(master) != copy_for(master, email="other@reader.example")


def test_reads_files_too(master: bytes) -> None:
    sha256 = hashlib.sha256(master).hexdigest()
    arguments = {
        "name": "D",
        "email": "d@reader.example",
        "at": AT,
        "grant_id": "1",
        "master_sha256": sha256,
        "issued_sha256": sha256,
    }
    assert stamp(io.BytesIO(master), **arguments) == stamp(master, **arguments)  # type: ignore[arg-type]


def test_only_the_issued_bytes_are_passed_on(master: bytes) -> None:
    with pytest.raises(StampError, match="not the issued report"):
        stamp(
            master + b"\n",
            name="D",
            email="d@reader.example",
            at=AT,
            grant_id="1",
            master_sha256=hashlib.sha256(master).hexdigest(),
            issued_sha256=hashlib.sha256(master).hexdigest(),
        )


def test_what_is_no_pdf_is_refused_in_words() -> None:
    with pytest.raises(StampError, match="cannot be read"):
        copy_for(b"%PDF-1.7 not really")


def test_missing_fonts_are_told(master: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamping, "FONTS", tmp_path)
    stamping._faces.cache_clear()
    with pytest.raises(StampError, match=r"static/vendor/fonts"):
        copy_for(master)
    stamping._faces.cache_clear()
