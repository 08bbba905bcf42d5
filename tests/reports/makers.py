"""Engagements on the way to their report. Fieldwork's rows are put there directly."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import io
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
from django.utils import timezone

from engagements.models import (
    Commitment,
    ComplementaryControl,
    ComplementaryCriterion,
    Component,
    Control,
    ControlCriterion,
    Engagement,
    Incident,
    MonitoringControl,
    ReportingStep,
    Stage,
    SubserviceOrganization,
    SystemChange,
)
from evidence.models import EvidenceFile
from evidence.storage import keep
from fieldwork import signing as fieldwork_signing
from fieldwork.models import (
    Attribute,
    ControlTest,
    Deviation,
    DeviationCell,
    EvidenceCitation,
    FailedCriterion,
    ItemResult,
    ManagementResponse,
    ProcedureRecord,
    SheetItem,
)
from jobs.running import run
from reports import copying, description, drafting, general_use, opinion, statements, storage
from reports.book import Book
from reports.models import GeneralUseReport, Issuance, LikenessCheck, ManagementStatement, Part, Report
from reports.rendering import Rendered
from reports.snapshot import limbs_of, parts_of
from tests import factories as f
from tests.remembered import remembered

Kind = ManagementStatement.Kind
WORDING = "Access to the ledger is granted on a request that the system's owner approved."


@remembered
def in_scope(**fields: Any) -> Engagement:
    """At reporting, with one control for all criteria, a carved-out host and entries in the registers."""
    engagement = f.accepted(**fields)
    control = Control.objects.create(
        engagement=engagement,
        number="IAM-01",
        title="Access on approved request",
        wording=WORDING,
        nature="M",
        frequency="E",
    )
    ControlCriterion.objects.bulk_create(
        ControlCriterion(engagement=engagement, control=control, criterion=criterion)
        for criterion in engagement.criteria()
    )
    of: dict[str, Any] = {"engagement": engagement}
    host = SubserviceOrganization.objects.create(**of, name="Cumulus", services="Hosting", method="carve_out")
    MonitoringControl.objects.create(**of, subservice=host, control=control)
    for kind, number, subservice in (("csoc", "CSOC-01", host), ("cuec", "CUEC-01", None)):
        made = ComplementaryControl.objects.create(
            **of, kind=kind, number=number, text="They name their administrators.", subservice=subservice
        )
        ComplementaryCriterion.objects.create(**of, complementary=made, criterion_id="CC6.2")
    Component.objects.create(**of, kind="software", name="Ledger service", description="Web application.")
    Commitment.objects.create(
        **of, kind="commitment", category="availability", text="Up 99.9% of each month.", source="Contract, 4.2"
    )
    Incident.objects.create(
        **of,
        occurred_on=engagement.ends_on,
        title="Slow imports",
        nature="Imports were late by two hours.",
        disclosed=False,
        reason="No commitment was missed.",
    )
    if engagement.is_type_2:
        SystemChange.objects.create(
            **of, effective_on=dt.date(2026, 1, 15), title="Single sign-on", description="Sign-in moved."
        )
    return f.at_stage(engagement, Stage.REPORTING)


def worked(engagement: Engagement, *, deviating: bool = False, sign: bool = True) -> ControlTest:
    """The control's test with three items and one attribute; the second item deviates if asked."""
    # What is remembered is rows: another test may have taken the bytes.
    keep(engagement.pk, io.BytesIO(b"abc"))
    return _worked(engagement, deviating=deviating, sign=sign)


@remembered
def _worked(engagement: Engagement, *, deviating: bool, sign: bool) -> ControlTest:
    who = f.people(engagement)
    control = Control.objects.get(engagement=engagement, number="IAM-01")
    operating = ControlTest.Phase.OPERATING if engagement.is_type_2 else ControlTest.Phase.DESIGN
    of: dict[str, Any] = {"engagement": engagement}
    test = ControlTest.objects.create(
        **of,
        control=control,
        phase=operating,
        kinds=["inquiry", "inspection"],
        procedure="Inspected the requests of three people.",
        created_by=who["sana"],
    )
    attribute = Attribute.objects.create(**of, test=test, letter="A", title="Approved", pass_rule="Owner approved.")
    file = EvidenceFile.objects.create(
        **of, code="E-1", name="a.txt", size=3, sha256=keep(engagement.pk, io.BytesIO(b"abc"))[0], kind="txt",
        content_type="text/plain", uploaded_by=who["owen"],
    )  # fmt: skip
    citation = EvidenceCitation.objects.create(**of, test=test, file=file, note="p. 1", cited_by=who["sana"])
    ProcedureRecord.objects.create(
        **of,
        test=test,
        kind="inquiry",
        people="Head of IT",
        on=dt.date(2026, 9, 1),
        what="How access is asked for.",
        outcome="By ticket.",
        corroborated_by=citation,
        by=who["sana"],
    )
    for position in (1, 2, 3):
        item = SheetItem.objects.create(**of, test=test, position=position, label=f"REQ-{position}")
        bad = deviating and position == 2
        ItemResult.objects.create(
            **of,
            item=item,
            attribute=attribute,
            outcome="d" if bad else "p",
            citation=citation,
            place="p. 1",
            note="Not approved" if bad else "",
            by=who["sana"],
            at=timezone.now(),
        )
    if deviating:
        excepted(test)
    test.result = ControlTest.Result.EXCEPTIONS if deviating else ControlTest.Result.NO_EXCEPTIONS
    test.concluded_by, test.concluded_at = who["sana"], timezone.now()
    test.save()
    if sign:
        fieldwork_signing.sign(test, "prepared", by=who["sana"])
        fieldwork_signing.sign(test, "reviewed", by=who["milan"])
    return test


def excepted(test: ControlTest, code: str = "EX-01", **fields: Any) -> Deviation:
    """An exception concluded as a failed criterion, with management's response."""
    who = f.people(test.engagement)
    of: dict[str, Any] = {"engagement": test.engagement}
    deviation = Deviation.objects.create(
        **of,
        code=code,
        control=test.control,
        test=test,
        title="Access without approval",
        description="One of three requests was not approved.",
        cause="The approver was on leave.",
        type=Deviation.Type.ISOLATED,
        extent="One item.",
        evaluation="No other control prevents it.",
        raised_by=who["sana"],
        **{
            "effect": Deviation.Effect.CRITERION_FAILED,
            "state": Deviation.State.CONCLUDED,
            "evaluated_by": who["milan"],
            "evaluated_at": timezone.now(),
            "concluded_by": who["petra"],
            "concluded_at": timezone.now(),
            "released_at": timezone.now(),
            **fields,
        },
    )
    for cell in ItemResult.objects.filter(item__test=test, outcome="d", deviation_links__isnull=True):
        DeviationCell.objects.create(**of, deviation=deviation, cell=cell)
    FailedCriterion.objects.create(**of, deviation=deviation, criterion_id="CC6.2")
    ManagementResponse.objects.create(**of, deviation=deviation, text="A deputy approves now.", by=who["carla"])
    return deviation


@remembered
def described(engagement: Engagement, *, complete: bool = True) -> None:
    """Every part written by Carla, and completed."""
    carla = f.people(engagement)["carla"]
    description.start(engagement, by=carla)
    for part in parts_of(engagement):
        if part != Part.OTHER:
            text = f"What {part.label.lower()} are, in **our** words."
            description.save_section(engagement, part, body=text, version=0, by=carla)
    if complete:
        description.complete(engagement, by=carla)


@remembered
def sign(engagement: Engagement, kind: Kind | str, **fields: Any) -> ManagementStatement:
    """Signed by Sigrid, dated as usual."""
    sig = f.people(engagement)["sig"]
    engagement.refresh_from_db()
    values: dict[str, Any] = {
        "by": sig,
        "password": f.PASSWORD,
        "stated_on": statements.suggested_date(engagement, kind),
        "signatory_name": "Sigrid Vale",
        "signatory_title": "Chief executive officer",
        "basis": "Quarterly self-tests and internal audit.",
        **fields,
    }
    return statements.sign(engagement, kind, **values)


@remembered
def concluded(engagement: Engagement) -> None:
    """Petra concludes as proposed, and dates the report today."""
    petra = f.people(engagement)["petra"]
    for limb in limbs_of(engagement):
        proposed = opinion.proposals(engagement)[limb].conclusion
        opinion.form(engagement, limb, conclusion=proposed, by=petra)
    opinion.set_report_date(engagement, date=timezone.localdate(), by=petra)


def rendered(engagement: Engagement) -> Report:
    """A draft asked for by Milan and rendered."""
    draft = drafting.request_draft(engagement, by=f.people(engagement)["milan"])
    assert draft.job_id is not None
    run(draft.job_id)
    draft.refresh_from_db()
    return draft


def compared(engagement: Engagement) -> None:
    """The newest draft was compared with the firm's other reports, and nothing of it recurs there."""
    draft = drafting.newest_ready(engagement)
    assert draft is not None
    LikenessCheck.objects.create(
        engagement=engagement, draft=draft, content_sha256=draft.content_sha256, compared=0, found=[]
    )


def approved(engagement: Engagement) -> Report:
    """Rendered, shown to the client, reviewed by Quinn, ready to issue; the draft that may be issued."""
    who = f.people(engagement)
    draft = rendered(engagement)
    drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=who["milan"])
    drafting.move_step(engagement, ReportingStep.QUALITY_REVIEW, by=who["milan"])
    compared(engagement)
    drafting.complete_quality_review(
        engagement, significant_judgements="None but the usual.", conclusion="I agree.", by=who["quinn"]
    )
    drafting.move_step(engagement, ReportingStep.READY, by=who["milan"])
    return draft


@remembered
def ready(**fields: Any) -> Report:
    """The draft of an engagement in which nothing stands in the way of issuing."""
    engagement = in_scope(**fields)
    worked(engagement)
    described(engagement)
    concluded(engagement)
    for kind in Kind:
        if kind != Kind.GENERAL_USE or engagement.is_type_2:
            sign(engagement, kind)
    return approved(engagement)


def short_form(engagement: Engagement) -> GeneralUseReport:
    """The SOC 3 report of the engagement's current report, issued by Petra."""
    made = general_use.issue(engagement, by=f.people(engagement)["petra"], password=f.PASSWORD)
    assert made.job_id is not None
    run(made.job_id)
    made.refresh_from_db()
    return made


def a_pdf(pages: int = 2) -> bytes:
    """A PDF of blank pages."""
    document = pikepdf.new()
    for _ in range(pages):
        document.add_blank_page(page_size=(612, 792))
    out = io.BytesIO()
    document.save(out, deterministic_id=True)
    return out.getvalue()


@functools.cache
def prepared(pdf: bytes) -> copying.Prepared:
    """What copies of a report are made from."""
    return copying.prepare(pdf, name="Marlowe & Finch LLP", reason="Reader's copy", location="Portland")


def released(issuance: Issuance, pdf: bytes) -> None:
    """The report is current, without a seal, as this PDF of three pages."""
    issuance.pdf_sha256 = storage.keep_pdf(issuance.engagement_id, pdf)
    issuance.prepared_sha256 = storage.keep_pdf(issuance.engagement_id, prepared(pdf).content)
    issuance.prepared = prepared(pdf).places
    issuance.pages, issuance.released_at, issuance.state = 3, timezone.now(), Issuance.State.CURRENT
    issuance.save()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rendering without WeasyPrint: the pages are blank, the rest is as it is."""

    def render(book: Book, engagement_id: int, on_progress: Callable[[str, int, int], None]) -> Rendered:
        on_progress("Laying out", 1, 2)
        pages = 2 if book.draft else 4 if ": SOC 3 report" in book.title else 3
        pdf = a_pdf(pages)
        return Rendered(pdf, pages, hashlib.sha256(pdf).hexdigest())

    monkeypatch.setattr(drafting, "printed", render)
