"""A reader's copy: marked on every page and in its metadata, signed, otherwise the issued report."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
import shutil
import subprocess
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from accounts.certificates import Signer, opened
from reports import copying, sealing
from reports.copying import NAMESPACE, Claim, CopyError, Prepared, Reader, claim_in, copy, prepare
from reports.sealing import Seal, seals_in
from tests.certificates import PASSWORD, a_file
from tests.reports import pdf, snapshots
from tests.reports.makers import a_pdf
from tests.reports.printing import printed

AT = dt.datetime(2026, 11, 22, 9, 3, 5, tzinfo=dt.timezone(dt.timedelta(hours=-5)))
DANA = Reader("Dana Whitfield", "dana@reader.example", "7291", AT, "ab" * 32)
SIGNER = opened(a_file(), PASSWORD)
WHO = {"name": "Marlowe & Finch LLP", "reason": "Reader's copy of report 2026-0147", "location": "Portland"}


@pytest.fixture(scope="module")
def master() -> bytes:
    return printed(snapshots.type_2()).pdf


@pytest.fixture(scope="module")
def made(master: bytes) -> Prepared:
    """Prepared, and its places through the database and back."""
    prepared = prepare(master, **WHO)
    return Prepared(prepared.content, json.loads(json.dumps(prepared.places)))


@pytest.fixture(scope="module")
def small() -> Prepared:
    """Of two blank pages, for what does not depend on what stands on them."""
    return prepare(a_pdf(), **WHO)


def copy_for(made: Prepared, signer: Signer | None = None, **fields: str) -> bytes:
    return copy(made.content, made.places, dataclasses.replace(DANA, **fields), signer)  # type: ignore[arg-type]


def test_every_page_bears_who_when_and_which_grant(master: bytes, made: Prepared) -> None:
    texts = pdf.texts(copy_for(made, SIGNER))
    assert len(texts) == len(pdf.texts(master))
    for text in texts:
        assert "Copy for Dana Whitfield, dana@reader.example" in text
        assert "2026-11-22 14:03:05 UTC · Grant 7291" in text
        assert DANA.issued_sha256 in text


@pytest.mark.parametrize("signer", [None, SIGNER], ids=["unsigned", "signed"])
def test_everything_else_stays(master: bytes, made: Prepared, signer: Signer | None) -> None:
    mine = copy_for(made, signer)
    for before, after in zip(pdf.texts(master), pdf.texts(mine), strict=True):
        assert after.startswith(before)
    assert pdf.outline(mine) == pdf.outline(master)
    with pikepdf.open(io.BytesIO(master)) as old, pikepdf.open(io.BytesIO(mine)) as new:
        assert pdf.links(new) == pdf.links(old)
        assert pdf.destinations(new) == pdf.destinations(old)
        assert pdf.in_tree(new) == pdf.in_tree(old)
        assert [page.label for page in new.pages] == [page.label for page in old.pages]
        assert dict(new.docinfo) == dict(old.docinfo)
        for before, after in zip(old.pages, new.pages, strict=True):
            assert pdf.marked(after) == pdf.marked(before)


def test_stamp_is_one_shared_artifact(master: bytes, made: Prepared) -> None:
    mine = copy_for(made)
    with pikepdf.open(io.BytesIO(mine)) as document:
        forms = {page.obj.Resources.XObject.ReaderStamp.objgen for page in document.pages}
        assert len(forms) == 1
        for page in document.pages:
            last = page.obj.Contents[-1].read_bytes()
            assert b"/Artifact <</Type /Pagination /Subtype /Watermark>> BDC" in last
            assert b"/ReaderStamp Do" in last
    assert len(mine) - len(master) < 150_000, "the fonts are whole, and all else is packed as it was"


def test_fonts_of_the_stamp_are_embedded(made: Prepared) -> None:
    with pikepdf.open(io.BytesIO(copy_for(made))) as document:
        fonts = document.pages[0].obj.Resources.XObject.ReaderStamp.Resources.Font
        assert all("/FontFile2" in font.DescendantFonts[0].FontDescriptor for font in fonts.values())
        assert all("/ToUnicode" in font for font in fonts.values())


def test_metadata_carry_recipient_and_report(made: Prepared) -> None:
    for signer in (None, SIGNER):
        with (
            pikepdf.open(io.BytesIO(copy_for(made, signer, name="山田 太郎"))) as document,
            document.open_metadata() as metadata,
        ):
            assert metadata[f"{{{NAMESPACE}}}Recipient"] == "山田 太郎"
            assert metadata[f"{{{NAMESPACE}}}RecipientEmail"] == "dana@reader.example"
            assert metadata[f"{{{NAMESPACE}}}CopiedAt"] == "2026-11-22T14:03:05+00:00"
            assert metadata[f"{{{NAMESPACE}}}Grant"] == "7291"
            assert metadata[f"{{{NAMESPACE}}}MasterSHA256"] == DANA.issued_sha256
            assert str(metadata["pdfuaid:part"]) == "1"
            assert str(metadata["pdfaid:part"]) == "3"
            # What PDF/A does not know is described in place.
            assert NAMESPACE.encode() in document.Root.Metadata.read_bytes().partition(b"pdfuaid</")[0]


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
def test_names_in_any_script_leave_a_readable_mark(small: Prepared, name: str) -> None:
    text = pdf.texts(copy_for(small, name=name))[0]
    assert f"Copy for {NAMES[name]}, dana@reader.example" in text


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")
def test_another_reader_finds_the_same_words(made: Prepared, tmp_path: Path) -> None:
    file = tmp_path / "copy.pdf"
    file.write_bytes(copy_for(made, SIGNER, name="Ναταλία Журавлёва Łukasz"))
    told = subprocess.run(["pdftotext", file, "-"], capture_output=True, check=True, text=True).stdout
    pages = told.split("\f")[:-1]
    assert all("Copy for Ναταλία Журавлёва Łukasz, dana@reader.example" in page for page in pages)


HOSTILE = [
    "(a) Tj ET EMC Q \\) >> endstream endobj",
    "]]> <attestry:Grant>1</attestry:Grant> & -->",
    "</rdf:Description></rdf:RDF><?xpacket end='w'?>",
    "\x00\x07\x1b[31m\ufffe\uffff\u2028Mallory",
    "\U0001f600" * 200,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_never_more_than_a_name(small: Prepared, name: str) -> None:
    mine = copy_for(small, SIGNER, name=name)
    assert judged(mine).sound
    assert claim_in(mine) == Claim("7291", DANA.issued_sha256)
    with pikepdf.open(io.BytesIO(mine)) as document, document.open_metadata() as metadata:
        assert document.check_pdf_syntax() == []
        kept = "".join(letter for letter in name if letter in "\t\n\r" or letter >= " ")
        kept = kept.replace("\ufffe", "").replace("\uffff", "")
        assert metadata[f"{{{NAMESPACE}}}Recipient"].strip() == kept.strip()
        for page in document.pages:
            operators = [str(one.operator) for one in pikepdf.parse_content_stream(page)]
            assert operators.count("BDC") + operators.count("BMC") == operators.count("EMC")
            assert operators.count("q") == operators.count("Q")


LONG = {
    "long": ("Wilhelmina " * 14, "w" * 120 + "@reader.example"),
    "longest": (("Wilhelmina " * 20)[:200], "w" * 240 + "@reader.examp"),
    "mixed": ("Wж" * 100, "w" * 240 + "@reader.examp"),
    "longer than can be": ("Wilhelmina " * 40, "w" * 400 + "@reader.example"),
}


@pytest.mark.parametrize(("name", "email"), LONG.values(), ids=LONG)
def test_very_long_names_stay_on_the_page(small: Prepared, name: str, email: str) -> None:
    with pypdfium2.PdfDocument(copy_for(small, name=name, email=email)) as document:
        for page in document:
            words = page.get_textpage()
            text = words.get_text_range()
            assert email[:240] in text.replace(" ", "")
            left, bottom, right, _ = page.get_bbox()
            for at in range(text.index("Copy for"), len(text)):
                box = words.get_charbox(at)
                assert left + 30 < box[0] <= box[2] < right - 30
                assert bottom + 5 < box[1] <= box[3] < 45


def judged(mine: bytes) -> Seal:
    (found,) = seals_in(mine, SIGNER.certificate)
    return found


def test_a_signed_copy_is_whole_and_says_when_and_of_what(made: Prepared) -> None:
    mine = copy_for(made, SIGNER)
    assert judged(mine).sound
    with pikepdf.open(io.BytesIO(mine)) as document:
        signature = document.Root.AcroForm.Fields[0].V
        assert signature.SubFilter == "/ETSI.CAdES.detached"
        assert [str(signature[key]) for key in ("/Name", "/Reason", "/Location", "/M")] == [
            *WHO.values(),
            "D:20261122140305Z",
        ]
        assert document.Root.Perms.DocMDP.objgen == signature.objgen
        assert signature.Reference[0].TransformParams.P == 1


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="poppler is not installed")
def test_another_judge_says_the_same(small: Prepared, tmp_path: Path) -> None:
    file = tmp_path / "copy.pdf"
    file.write_bytes(copy_for(small, SIGNER))
    told = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, check=False, text=True).stdout
    assert "Signature is Valid" in told
    assert "Total document signed" in told


def test_one_flipped_byte_is_found(made: Prepared) -> None:
    mine = copy_for(made, SIGNER)
    _, end = made.places["signature"]
    places = [made.places["slot"][0] + 20, made.places["block"][0] + 120, made.places["signed_at"] + 1]
    places += [1000, end + 10]
    for place in places:
        altered = bytearray(mine)
        altered[place] ^= 1
        assert not any(one.sound for one in seals_in(bytes(altered), SIGNER.certificate)), place


def test_an_update_after_the_signature_is_found(small: Prepared) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(copy_for(small, SIGNER)))
    writer.root["/Added"] = generic.pdf_name("/Later")
    writer.update_root()
    updated = io.BytesIO()
    writer.write(updated)
    found = judged(updated.getvalue())
    assert (found.sound, found.intact) == (False, True)


def test_without_a_key_the_copy_has_no_trace_of_a_signature(small: Prepared) -> None:
    mine = copy_for(small)
    assert seals_in(mine, SIGNER.certificate) == []
    assert mine.count(b"%%EOF") == 1
    with pikepdf.open(io.BytesIO(mine)) as document:
        assert document.check_pdf_syntax() == []
        assert "/AcroForm" not in document.Root


def test_nothing_of_another_reader_is_left(small: Prepared) -> None:
    copy_for(small, SIGNER, name="Somebody Else", email="else@reader.example")
    assert copy_for(small).find(b"else@reader.example") == -1
    assert small.content.find(b"@reader.example") == -1


def test_certificates_too_many_for_their_place_leave_the_copy_unsigned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "RESERVED", 400)
    narrow = prepare(a_pdf(), **WHO)
    assert copy_for(narrow, SIGNER) == copy_for(narrow)


def test_same_arguments_give_the_same_bytes(master: bytes, made: Prepared) -> None:
    assert copy_for(made) == copy_for(made)
    assert copy_for(made) != copy_for(made, email="other@reader.example")
    again = prepare(master, **WHO)
    assert again.places == made.places
    assert copy_for(again) == copy_for(made)


def test_what_a_file_says_of_itself_is_read_from_its_bytes(made: Prepared, master: bytes) -> None:
    assert claim_in(copy_for(made)) == Claim("7291", DANA.issued_sha256)
    assert claim_in(master) is None
    assert claim_in(b"<attestry:Grant>1; DROP</attestry:Grant>") is None


def test_what_is_no_pdf_is_refused_in_words() -> None:
    with pytest.raises(CopyError, match="cannot be read"):
        prepare(b"%PDF-1.7 not really", **WHO)


def test_missing_fonts_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "FONTS", tmp_path)
    copying._faces.cache_clear()
    with pytest.raises(CopyError, match=r"static/vendor/fonts"):
        prepare(a_pdf(), **WHO)
    copying._faces.cache_clear()
