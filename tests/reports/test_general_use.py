"""The SOC 3 report: from the issued report alone, with its conclusions, and no longer current than it."""

import copy
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.x509 import load_pem_x509_certificate
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts import certificates
from audit.models import Event
from distribution.verifying import verify
from engagements.models import Engagement
from engagements.workflow import WrongStage
from jobs.running import run
from reports import content, drafting, general_use, issuing, recalling, storage, wording
from reports.general_book import Signed, general_book, left_out, why_not
from reports.models import GeneralUseReport, Issuance, ManagementStatement
from reports.reading import plain
from reports.rendering import RenderError, typeset
from reports.sealing import seals_in
from tests import factories as f
from tests.certificates import PASSWORD, a_file
from tests.reports import makers as m
from tests.reports import pdf, printing, snapshots

SIGNED_ON = "2026-11-20"


def text_of(snapshot: content.Snapshot) -> str:
    signed = Signed(wording.general_use_text(snapshot), "Noor Haddad", "Chief Executive Officer", SIGNED_ON)
    return " ".join(
        plain(chunk.body) for chunk in general_book(snapshot, signed, number="2026-0147-1-SOC3").chunks
    ).replace("\n", " ")


# What it says


def test_it_says_neither_tests_nor_controls_and_restricts_nobody() -> None:
    snapshot = snapshots.qualified()
    said = text_of(snapshot)
    for control in snapshot["controls"]:
        assert control["wording"] not in said
        assert all(test["procedure"] not in said for test in control["tests"])
    assert "intended solely" not in said
    assert all(party not in said for party in snapshot["specified_parties"])
    for one in snapshot["components"]:
        assert one["name"] in said
    for promise in snapshot["commitments"]:
        assert promise["text"] in said


def test_unmodified_it_is_on_the_assertion() -> None:
    said = text_of(snapshots.type_2())
    assert "management’s assertion that the controls" in said
    assert "is fairly stated in all material respects" in said
    assert "Basis for" not in said
    assert "carve-out method" in said
    assert "complementary user entity controls" in said


@pytest.mark.parametrize("limb", ["design", "operating"])
@pytest.mark.parametrize(
    ("conclusion", "words"),
    [
        ("qualified", "except for the effects of the matter described above, the controls"),
        ("adverse", "were not effective"),
    ],
)
def test_modified_it_is_on_the_controls_with_the_same_matter(limb: Any, conclusion: Any, words: str) -> None:
    said = text_of(snapshots.modify(snapshots.type_2(), limb, conclusion))
    assert words in said
    assert f"Basis for {conclusion} opinion" in said
    assert "For three of the twenty-five departures" in said
    assert "Our assertion does not hold in the following respect" in said
    assert "is fairly stated" not in said.partition("Basis for")[2].partition("Management’s assertion")[0]


def disclaimed(data: content.Snapshot) -> None:
    snapshots.modify(data, "operating", "disclaimed", cause="scope")


def described_wrong(data: content.Snapshot) -> None:
    snapshots.modify(data, "description", "qualified", cause="misstatement")


def included(data: content.Snapshot) -> None:
    data["subservices"][0]["method"] = "inclusive"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (disclaimed, "No opinion is expressed"),
        (described_wrong, "opinion on the description is modified"),
        (included, "inclusive method"),
        (lambda data: data["commitments"].clear(), "no component within the boundaries, or no commitment"),
    ],
)
def test_there_is_none_of(change: Callable[[content.Snapshot], None], why: str) -> None:
    data = copy.deepcopy(snapshots.type_2())
    assert why_not(data) == []
    change(data)
    assert [one for one in why_not(data) if why in one]


def test_there_is_none_of_a_type_1() -> None:
    assert "over a period" in why_not(snapshots.type_1())[0]


def test_what_points_at_other_sections_is_not_printed() -> None:
    data = snapshots.type_2()
    for title, text in (
        ("Moved", "The platform moved in May."),
        ("Not operated", "As stated in Section IV, none."),
    ):
        data["paragraphs"].append({"kind": "emphasis", "title": title, "text": text, "reason": "R"})
    said = text_of(data)
    assert "The platform moved in May." in said
    assert "Not operated" not in said
    assert left_out(data) == ["Not operated"]
    modified = snapshots.modify(snapshots.type_2(), "operating", "qualified")
    assert why_not(modified) == []
    modified["opinion"]["matters"][0]["basis"] = "As section IV shows, access stayed."
    assert "points at a section" in why_not(modified)[0]


def test_what_people_have_typed_is_text_and_nothing_else() -> None:
    data = snapshots.type_2()
    data["commitments"][0]["text"] = "Up *99%* <b>of</b> [time](https://example.com)"
    assert "Up *99%* <b>of</b> [time](https://example.com)" in text_of(data)


def test_printed_it_is_short_and_tagged_and_the_same_each_time() -> None:
    snapshot = snapshots.qualified()
    signed = Signed(wording.general_use_text(snapshot), "Noor Haddad", "Chief Executive Officer", SIGNED_ON)
    book = general_book(snapshot, signed, number="2026-0147-1-SOC3")
    made = typeset(book, printing.SHELF, printing.PRESS)
    assert made.pdf == typeset(book, printing.SHELF, printing.PRESS).pdf
    pages = pdf.texts(made.pdf)
    assert 4 <= len(pages) <= 8
    assert "SOC 3" in pages[0]
    assert not [page for page in pages if "estricted" in page or "onfidential" in page]
    assert all("For general use." in page for page in pages)
    assert b"report-data.json" not in made.pdf
    titles = [title for _, title, _ in pdf.outline(made.pdf)]
    assert "Management’s assertion" in " ".join(titles)


# The flow


def issued(**fields: Any) -> Engagement:
    """An engagement with an issued report."""
    draft = m.ready(**fields)
    petra = f.people(Engagement.objects.get(pk=draft.engagement_id))["petra"]
    engagement = Engagement.objects.get(pk=draft.engagement_id)
    issuance = issuing.issue(engagement, by=petra, password=f.PASSWORD, draft=draft)
    assert issuance.job_id is not None
    run(issuance.job_id)
    engagement.refresh_from_db()
    return engagement


def issue(engagement: Engagement, **fields: Any) -> GeneralUseReport:
    values = {"by": f.people(engagement)["petra"], "password": f.PASSWORD, **fields}
    return general_use.issue(engagement, **values)


def rendered(engagement: Engagement) -> GeneralUseReport:
    made = issue(engagement)
    assert made.job_id is not None
    run(made.job_id)
    made.refresh_from_db()
    return made


@pytest.mark.django_db
@pytest.mark.usefixtures("quick")
class TestFlow:
    def test_from_the_issued_report_to_its_short_form(self) -> None:
        engagement = issued()
        certificates.keep(engagement.firm, pkcs12=a_file(), password=PASSWORD, by=engagement.created_by)
        made = rendered(engagement)
        whole = Issuance.objects.get(engagement=engagement)
        assert (made.state, made.number) == ("current", f"{whole.number}-SOC3")
        assert made.content_sha256 == whole.content_sha256
        assert made.report_date == whole.report_date
        content_of = storage.pdf_of(engagement.pk, made.pdf_sha256)
        assert all(
            seal.sound for seal in seals_in(content_of, load_pem_x509_certificate(made.certificate.encode()))
        )
        verdict = verify(content_of)
        assert (verdict.state, verdict.general) == ("current", made)
        assert f"SOC 3 report {made.number}" in verdict.words
        altered = verify(content_of + b"\n% added")
        assert (altered.state, altered.general, [one.sound for one in altered.seals]) == ("altered", made, [False])
        assert f"bears the seal of SOC 3 report {made.number}" in altered.words
        flipped = bytearray(content_of)
        flipped[100] ^= 1
        assert verify(bytes(flipped)).state == "altered"
        with pytest.raises(WrongStage, match="there already"):
            issue(engagement)
        carla = f.people(engagement)["carla"]
        assert general_use.download(made, by=carla) == content_of
        said = Event.objects.filter(engagement_id=engagement.pk, action__startswith="report.general_use")
        assert set(said.values_list("action", flat=True)) == {
            "report.general_use_requested",
            "report.general_use_issued",
            "report.general_use_downloaded",
        }

    def test_not_before_the_report_nor_without_what_it_needs(self) -> None:
        draft = m.ready()
        engagement = Engagement.objects.get(pk=draft.engagement_id)
        with pytest.raises(WrongStage, match="from the issued report"):
            issue(engagement)
        for who in ("milan", "carla", "quinn", "sig"):
            with pytest.raises(PermissionDenied):
                issue(engagement, by=f.people(engagement)[who])
        with pytest.raises(ValidationError):
            issue(engagement, password="guess")
        ManagementStatement.objects.filter(kind="general_use").update(superseded_at=timezone.now())
        issuance = issuing.issue(engagement, by=engagement.created_by, password=f.PASSWORD, draft=draft)
        assert issuance.job_id is not None
        run(issuance.job_id)
        engagement.refresh_from_db()
        with pytest.raises(ValidationError, match="not signed its assertion for general use"):
            issue(engagement)

    def test_not_with_an_assertion_of_other_content(self) -> None:
        engagement = issued()
        whole = Issuance.objects.get(engagement=engagement)
        signed = general_use.signed_for(whole)
        assert general_use.hindrances(whole, signed) == []
        whole.snapshot["commitments"][0]["text"] = "Up always."
        assert "is not what the issued report says" in general_use.hindrances(whole, signed)[0]
        whole.snapshot = {}
        assert "cannot be read" in general_use.hindrances(whole, signed)[0]

    def test_it_goes_with_the_report_it_belongs_to(self) -> None:
        engagement = issued()
        made = rendered(engagement)
        petra = engagement.created_by
        fact = recalling.record_fact(engagement, fact="Access.", known_on=timezone.localdate(), by=petra)
        recalling.decide(fact, decision="withdraw", reason="Wrong.", by=petra, password=f.PASSWORD)
        made.refresh_from_db()
        assert made.state == "withdrawn"
        assert verify(storage.pdf_of(engagement.pk, made.pdf_sha256)).state == "withdrawn"
        with pytest.raises(WrongStage, match="nothing to issue it from"):
            issue(engagement)

    def test_recalled_while_it_is_rendered_it_is_not_issued(self) -> None:
        engagement = issued()
        made = issue(engagement)
        assert made.job_id is not None
        petra = engagement.created_by
        fact = recalling.record_fact(engagement, fact="Access.", known_on=timezone.localdate(), by=petra)
        with pytest.raises(WrongStage, match="there already"):
            issue(engagement)
        recalling.decide(fact, decision="withdraw", reason="Wrong.", by=petra, password=f.PASSWORD)
        run(made.job_id)
        made.refresh_from_db()
        assert (made.state, made.pdf_sha256) == ("failed", "")

    def test_failed_it_may_be_issued_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        engagement = issued()
        made = issue(engagement)
        assert made.job_id is not None

        def broken(*_: Any) -> None:
            raise RenderError("No memory.")

        with monkeypatch.context() as patch:
            patch.setattr(drafting, "printed", broken)
            run(made.job_id)
        made.refresh_from_db()
        assert made.state == "failed"
        assert rendered(engagement).state == "current"

    def test_it_never_changes_and_never_stands_alone(self) -> None:
        engagement = issued()
        made = rendered(engagement)
        for change in (
            lambda: GeneralUseReport.objects.filter(pk=made.pk).update(pages=1),
            lambda: GeneralUseReport.objects.filter(pk=made.pk).update(content_sha256="0" * 64),
            lambda: GeneralUseReport.objects.filter(pk=made.pk).delete(),
            lambda: GeneralUseReport.objects.create(
                engagement=engagement,
                issuance=made.issuance,
                statement=made.statement,
                number="X",
                content_sha256="0" * 64,
                issued_by=made.issued_by,
            ),
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                change()

    def test_a_type_1_has_no_assertion_for_it(self) -> None:
        engagement = m.in_scope(type="1")
        m.described(engagement)
        m.concluded(engagement)
        m.sign(engagement, "assertion")
        with pytest.raises(ValidationError, match="speaks of a period"):
            m.sign(engagement, "general_use")

    def test_its_assertion_follows_the_signed_one(self) -> None:
        engagement = m.in_scope()
        m.described(engagement)
        m.concluded(engagement)
        with pytest.raises(ValidationError, match="sign the assertion first"):
            m.sign(engagement, "general_use")
        m.sign(engagement, "assertion", modifications="Access was granted late once.")
        made = m.sign(engagement, "general_use", modifications="Something else.")
        assert made.modifications == "Access was granted late once."
        assert "Access was granted late once." in made.text
        assert "Something else." not in made.text
        with pytest.raises(ValidationError, match="not over"):
            m.sign(engagement, "general_use", stated_on=engagement.ends_on - dt.timedelta(days=1))
