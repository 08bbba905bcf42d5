"""Whoever changes something by any route leaves an event; whoever takes a file along does too."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.utils import timezone

from accounts.clients import open_office
from accounts.models import ClientMember, Firm, FirmMember, QualityTrigger, User
from archive.models import FileLock, LegalHold, Purge, years_after
from audit.models import Event
from controls.models import Criterion
from distribution import agreements
from distribution.models import PartyClass, Publication
from engagements.models import (
    Control,
    Engagement,
    EngagementMember,
    Incident,
    NotRelevantCriterion,
    ReportingStep,
    Stage,
)
from evidence import comments, importing, resumable, tables
from evidence.models import EvidenceFile, EvidenceRequest, Population, Upload
from fieldwork import profiles, programme_files, regrouping
from fieldwork import testing as planning
from fieldwork.models import ControlTest, Deviation, ItemResult, SamplingProfile
from jobs.models import Job
from jobs.running import run
from reports import approving, letters, own_words, statements
from reports.models import DiscoveredFact, EngagementLetter, GeneralUseReport, OwnWording, Report, SystemDescription
from tests import certificates
from tests import factories as f
from tests.archive import makers as archive
from tests.evidence import makers as evidence
from tests.fieldwork import makers as fieldwork
from tests.permissions.table import SERVICE, TABLE, Row
from tests.permissions.test_table import Table, may
from tests.permissions.world import EVERYBODY, World, rendered_blank, undone
from tests.reports import makers as reports

pytestmark = pytest.mark.django_db

# Routes that take POST and change nothing that is on record, each with its reason.
NOTHING_CHANGES = {
    "fieldwork:redraw": "draws the sample again and compares; nothing is kept",
    "reports:preview": "shows typed text as it will be printed; nothing is kept",
    "distribution:leave": "ends the reader's own session",
    "distribution:verify": "looks at a file that is not kept, and says whether it is a report issued here",
    "accounts:switch": "which organization one's own session shows",
}
# Routes whose work is no evidence yet: what comes of it is on record when it is received.
NOT_YET = {"evidence:begin_upload": "announces a file that is still to arrive"}
# Routes that hand out a file by GET; readers of the report get theirs by POST.
FILES = (
    "evidence:download",
    "evidence:listing",
    "fieldwork:sample_record",
    "reports:draft_pdf",
    "reports:issued_pdf",
    "reports:general_use_pdf",
    "reports:letter_copy",
    "archive:pack",
    "archive:addendum_file",
    "archive:certificate_file",
    "reports:issued_data",
    "engagements:activity_export",
    "engagements:trail",
    "engagements:firm_trail_export",
    "engagements:firm_trail_whole",
)
FLEETING = {"django_session", "audit_chain"}
# Sign-in, whose views are a library's: tests/accounts/test_sign_in_events.py does the same with each of them.
OF_LIBRARY = ("account_", "mfa_", "socialaccount_", "saml_", "openid_connect_")


@dataclasses.dataclass(frozen=True)
class Fitting:
    """What a person sends so that the route does its work, where the table's example does not suffice."""

    data: dict[str, Any] | Callable[[World], dict[str, Any]] = dataclasses.field(default_factory=dict)
    stage: Stage | None = None
    who: str = ""
    # Done before the request is sent; what it returns are further objects of the address.
    before: Callable[[World], object] | None = None


def undated(world: World) -> None:
    """The report date is taken back, and with it the scope is open to change."""
    Engagement.objects.filter(pk=world.engagement.pk).update(report_date=None)


def no_incident_stated(world: World) -> None:
    undated(world)
    Incident.objects.filter(engagement=world.engagement).delete()
    Engagement.objects.filter(pk=world.engagement.pk).update(incidents_none_statement="There was none.")


def scoping(**data: Any) -> Fitting:
    return Fitting(data, Stage.SCOPING, before=undated)


def a_file(world: World) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("log.txt", b"disabled 2026-01-09 by owen\n")}


def a_listing(world: World) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("more.csv", evidence.LEAVERS), "encoding": ""}


def a_sealed_table(world: World) -> dict[str, Any]:
    table = tables.Table([(2, {"title": "Leavers", "due": "2099-01-31"})])
    return {"sealed": tables.seal(table, importing.FORM, engagement=world.engagement, by=world.people["sana"])}


def a_sealed_programme(world: World) -> dict[str, Any]:
    table = tables.Table([(2, {"control": "IAM-06", "attribute": "There", "pass rule": "It is there."})])
    sealed = tables.seal(table, programme_files.FORM, engagement=world.engagement, by=world.people["sana"])
    return {"sealed": sealed}


def named(world: World) -> None:
    comments.comment(request_of(world, "Open"), text="@Owen Pike, which?", by=world.people["sana"])


def sheet_of(world: World) -> ControlTest:
    return ControlTest.objects.get(pk=world.ids["test"])


def request_of(world: World, title: str) -> EvidenceRequest:
    return EvidenceRequest.objects.get(engagement=world.engagement, title=title)


def a_dropped_file(world: World) -> None:
    owen, content = world.people["owen"], b"disabled 2026-01-09"
    made = resumable.begin(world.engagement, name="more.txt", size=len(content), by=owen, to_be_matched=True)
    resumable.take(made, io.BytesIO(content), at=0, by=owen)
    run(Job.objects.unfinished().get(kind=resumable.JOB).pk)


def a_remark(world: World) -> dict[str, Any]:
    file = evidence.upload(request_of(world, "Open"))
    EvidenceFile.objects.filter(pk=file.pk).update(findings=[{"code": "empty", "message": "A remark."}])
    return {"file": file.code}


def upload_first(world: World) -> None:
    evidence.upload(request_of(world, "Open"))


def confirmed(world: World) -> None:
    members = EngagementMember.objects.filter(engagement=world.engagement)
    members.update(independence_confirmed_at=timezone.now())
    Engagement.objects.filter(pk=world.engagement.pk).update(
        report_date=None, letter_on=None, accepted_on=None, accepted_by=None
    )


def not_relevant(world: World) -> None:
    undated(world)
    criterion = Criterion.objects.get(code="CC6.1")
    NotRelevantCriterion.objects.create(engagement=world.engagement, criterion=criterion, reason="R.")


def another_control(world: World) -> Control:
    return fieldwork.control(world.engagement, "CHG-02", criteria=["CC6.1"])


def a_test(world: World, *, ended: bool = True, sign: bool = False, deviating: bool = False) -> dict[str, Any]:
    """A test of another control, worked, on request concluded and signed by its preparer."""
    wrong = [(2, "B")] if deviating else []
    test = fieldwork.planned(world.engagement, another_control(world))
    fieldwork.worked(test, deviating=wrong)
    if ended:
        planning.conclude_test(test, ControlTest.Result.NO_EXCEPTIONS, by=world.people["sana"])
    if sign:
        fieldwork.signed(test, "prepared")
    return {"test": test.pk}


def an_empty_item(world: World) -> None:
    planning.add_item(sheet_of(world), "Fourth", by=world.people["sana"])


def a_reconciliation(world: World, *, matched: bool = True, equal: bool = False) -> dict[str, Any]:
    """Of a population of three leavers against a list of two tickets; or, where `equal`, of the same three."""
    population = evidence.population(
        world.engagement, controls=[another_control(world)], by=world.people["carla"], name="Tickets"
    )
    header, *rows = evidence.LEAVERS.splitlines()
    listed = b"\n".join([header, *(reversed(rows) if equal else rows[:2])])
    make = evidence.matched if matched else evidence.begun
    return {"reconciliation": make(population, listed).pk, "population": population.pk}


def a_newer_listing(world: World) -> dict[str, Any]:
    made = a_reconciliation(world)
    old = Population.objects.get(pk=made["population"])
    evidence.population(
        world.engagement,
        evidence.LEAVERS + b"OFF-4,Dan Ek,2026-08-31\n",
        controls=list(old.controls.all()),
        by=world.people["carla"],
        ipe={"system_row_count": 4},
        replaces=old,
    )
    return made


def a_profile_file(world: World) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("profiles.json", b'{"ours": {"by_frequency": {"annual": 1}}}')}


def a_changed_profile(world: World, *, proposed: bool = False) -> None:
    draft = SamplingProfile.objects.get(pk=world.ids["written"])
    profiles.edit(
        draft.firm,
        draft,
        name="Ours",
        note="More.",
        sizes={"by_frequency": {"annual": 2}},
        by=world.people["milan"],
    )
    if proposed:
        profiles.propose(draft.firm, draft, world.people["milan"])


def an_item_without_results(world: World, *, marked: bool = False) -> dict[str, Any]:
    test, sana = sheet_of(world), world.people["sana"]
    item = planning.add_item(test, "Fourth", by=sana)
    if marked:
        planning.mark_unobtainable(
            item, reason="Lost.", effect="limitation", citation=test.citations.get(), by=sana
        )
    return {"item": item.pk}


def an_exception(world: World) -> dict[str, Any]:
    test = ControlTest.objects.get(pk=a_test(world, ended=False, deviating=True)["test"])
    return {"deviation": fieldwork.raised(test, list(ItemResult.objects.filter(item__test=test, outcome="d"))).code}


def two_exceptions(world: World) -> dict[str, Any]:
    """Two exceptions of one sheet; the form names the second one."""
    test = fieldwork.planned(world.engagement, another_control(world))
    cells = fieldwork.worked(test, deviating=[(1, "A"), (2, "B")])
    fieldwork.raised(test, cells[1:])
    return {"deviation": fieldwork.raised(test, cells[:1]).code}


def two_of_one_cause(world: World) -> dict[str, Any]:
    """Of two sheets, joined."""
    first = two_exceptions(world)["deviation"]
    other = fieldwork.planned(world.engagement, fieldwork.control(world.engagement, "CHG-03", criteria=["CC6.1"]))
    second = fieldwork.raised(other, fieldwork.worked(other, deviating=[(1, "A")]))
    regrouping.join(
        Deviation.objects.get(engagement=world.engagement, code=first),
        second,
        reason="One form.",
        by=world.people["milan"],
    )
    return {"deviation": first}


def an_exception_of_two(world: World) -> dict[str, Any]:
    test = fieldwork.planned(world.engagement, another_control(world))
    return {"deviation": fieldwork.raised(test, fieldwork.worked(test, deviating=[(1, "A"), (2, "B")])).code}


def newest_exceptions(world: World) -> Any:
    return Deviation.objects.filter(engagement=world.engagement).order_by("-pk")


def something_to_draw(world: World) -> dict[str, Any]:
    control = another_control(world)
    return {
        "control": control.number,
        "population": fieldwork.population(world.engagement, control, name="Changes").pk,
    }


def without_description(world: World) -> dict[str, Any]:
    return {"pk": reports.in_scope(number="2026-0998").pk}


def ready_to_issue(world: World) -> dict[str, Any]:
    with rendered_blank():
        draft = reports.ready(number="2026-0999")
    return {"pk": draft.engagement_id, "draft_pk": draft.pk}


def unpublished(world: World) -> None:
    """The SOC 3 report was taken back."""
    Publication.objects.filter(engagement=world.engagement).update(
        ended_at=timezone.now(), ended_by=world.people["carla"]
    )


def no_soc_3_yet(world: World) -> None:
    """The one that is there was replaced, and the fact about the report is settled."""
    of = {"engagement": world.engagement}
    GeneralUseReport.objects.filter(**of).update(state=GeneralUseReport.State.SUPERSEDED)
    now = timezone.now()
    DiscoveredFact.objects.filter(**of).update(
        decision="stands", reason="R", decided_by=world.people["petra"], decided_at=now, closed_at=now
    )


def two_to_issue(world: World) -> dict[str, Any]:
    Firm.objects.update(two_to_issue=True)
    return ready_to_issue(world)


def approved(world: World) -> dict[str, Any]:
    made = two_to_issue(world)
    draft = Report.objects.get(pk=made["draft_pk"])
    approving.approve_issue(draft.engagement, by=world.people["milan"], password=f.PASSWORD, draft=draft)
    return made


def not_weighed(world: World) -> dict[str, Any]:
    return {"pk": f.staffed(number="2026-0997").pk}


def under_review(world: World) -> None:
    Engagement.objects.filter(pk=world.engagement.pk).update(reporting_step=ReportingStep.QUALITY_REVIEW)


def under_client_review(world: World) -> None:
    Engagement.objects.filter(pk=world.engagement.pk).update(reporting_step=ReportingStep.CLIENT_REVIEW)


def a_wording(world: World, *, approved: bool = False) -> None:
    own = OwnWording.objects.get(pk=world.ids["wording"])
    own_words.propose(own, by=world.people["milan"])
    if approved:
        own_words.approve(own, by=world.people["petra"])


def newer_terms(world: World) -> None:
    agreements.publish(world.engagement, text="Newer terms.", by=world.people["carla"])


def accepting(world: World) -> dict[str, Any]:
    terms = agreements.current(world.engagement)
    assert terms is not None
    chosen = PartyClass.values[0]
    return {"agreement_sha256": terms.sha256, "party_class": chosen, "knows": "on", "typed_name": "Rita Reader"}


def signing(world: World) -> dict[str, Any]:
    text = statements.proposed(world.engagement, "assertion", modifications="")
    return {
        "basis": "Self-tests.",
        "stated_on": timezone.localdate().isoformat(),
        "signatory_name": "Sigrid Vale",
        "signatory_title": "CEO",
        "password": world.ids["password"],
        "seen": statements.text_hash(text),
    }


def without_letter(world: World) -> None:
    Engagement.objects.filter(pk=world.engagement.pk).update(letter_on=None)


def a_letter_to_sign(world: World) -> dict[str, Any]:
    made = letters.propose(world.engagement, reason="R", system_name="Another", by=world.people["milan"])
    return {"letter": made.pk}


def signing_letter(world: World) -> dict[str, Any]:
    waits = EngagementLetter.objects.get(engagement=world.engagement, executed_on__isnull=True)
    return {"title": "P", "agreed": "on", "password": world.ids["password"], "seen": waits.content_sha256}


def a_signed_copy(world: World) -> dict[str, Any]:
    file = SimpleUploadedFile("letter.pdf", reports.a_pdf())
    return {"file": file, "on": "2025-09-10", "for_client": "A", "for_firm": "B"}


def evaluated_lightly(world: World) -> None:
    deviation = Deviation.objects.get(engagement=world.engagement, code=world.ids["deviation"])
    fieldwork.evaluated(deviation)


def a_signing_certificate(world: World) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("signing.p12", certificates.a_file()), "password": certificates.PASSWORD}


def without_a_partner(world: World) -> None:
    User.objects.filter(pk=world.people["petra"].pk).update(is_active=False)
    FirmMember.objects.filter(user=world.people["milan"]).update(may_accept=True)


def another_office(world: World) -> dict[str, Any]:
    return {"office": open_office(world.engagement.firm, city="Salem", state="Oregon", by=world.people["petra"]).pk}


def a_report(world: World) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("report.pdf", reports.a_pdf(2))}


def single_sign_on(world: World) -> dict[str, Any]:
    entity = "https://idp.example"
    return {"kind": "saml", "entity_id": entity, "sso_url": f"{entity}/sso", "certificate": a_certificate()}


def administering(world: World) -> None:
    ClientMember.objects.filter(user=world.people["carla"]).update(is_admin=True)


def a_certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2040, 1, 1, tzinfo=dt.UTC))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def settled(world: World) -> None:
    """What became known after the issue is decided about."""
    DiscoveredFact.objects.filter(engagement=world.engagement).update(
        decision="stands",
        reason="R",
        decided_by=world.people["petra"],
        decided_at=timezone.now(),
        closed_at=timezone.now(),
    )


def overdue(world: World) -> None:
    """The file is locked, its time is over, and no hold stands."""
    petra, today = world.people["petra"], timezone.localdate()
    lock = FileLock.objects.create(
        engagement=world.engagement,
        asked_by=petra,
        released_on=today,
        retention_years=7,
        retain_until=years_after(today, 7),
    )
    FileLock.objects.filter(pk=lock.pk).update(state="locked", root="0" * 64, leaves=1, locked_at=timezone.now())
    LegalHold.objects.filter(engagement=world.engagement).update(
        lifted_at=timezone.now(), lifted_by=petra, lift_reason="R"
    )
    archive.aged(world.engagement)


def asked_to_destroy(world: World, who: str) -> None:
    overdue(world)
    Purge.objects.create(engagement=world.engagement, reason="R", asked_by=world.people[who])


def deactivated(key: str) -> Callable[[World], object]:
    return lambda world: User.objects.filter(pk=world.people[key].pk).update(is_active=False)


DUE = "2026-12-20"
EXAMINATION = {
    "system_name": "Another name",
    "number": "2026-100",
    "type": "2",
    "period_start": "2025-10-01",
    "period_end": "2026-09-30",
    "categories": ["availability"],
}

FITTING: dict[str, Fitting] = {
    "accounts:firm": Fitting({"legal_name": "Alder LLP", "city": "Salem", "state": "Oregon", "retention_years": 7}),
    "accounts:invitation": Fitting(
        {"password": "a long pass phrase", "again": "a long pass phrase"}, who="anonymous"
    ),
    "accounts:firm_policy": Fitting({"session_hours": 8}),
    "accounts:firm_policies": Fitting({"retention_years": 9, "quality_triggers": QualityTrigger.values[:1]}),
    "accounts:certificate": Fitting(a_signing_certificate),
    "accounts:switch": Fitting(lambda world: {"place": f"firm:{world.engagement.firm_id}"}, who="petra"),
    "accounts:office_new": Fitting({"city": "Salem", "state": "Oregon"}),
    "accounts:office_main": Fitting(before=another_office),
    "accounts:office_close": Fitting(before=another_office),
    "accounts:firm_single_sign_on": Fitting(single_sign_on),
    "accounts:organization_single_sign_on": Fitting(single_sign_on, who="carla", before=administering),
    "accounts:licence_new": Fitting({"jurisdiction": "Nevada", "number": "N-1"}),
    "accounts:firm_member": Fitting({"is_admin": "on"}),
    "accounts:organization": Fitting({"session_hours": 8}),
    "accounts:organization_member": Fitting({"is_admin": "on"}),
    "accounts:reactivate": Fitting(before=deactivated("owen")),
    "operators:reactivate": Fitting(before=deactivated("nemo")),
    "engagements:token_new": Fitting(
        {"name": "CI", "may_read": "on", "expires_on": f"{timezone.localdate() + dt.timedelta(days=9):%Y-%m-%d}"}
    ),
    "engagements:take_over": Fitting(before=without_a_partner, who="milan"),
    "engagements:open": Fitting({**EXAMINATION, "new_client": "Harbor Mills, Inc.", "number": "2026-101"}),
    "engagements:settings": Fitting(
        {
            **EXAMINATION,
        },
        Stage.SCOPING,
        before=undated,
    ),
    "engagements:acceptance": Fitting(
        {"on": "2025-09-01", "note": "Known."},
        Stage.ACCEPTANCE,
        before=confirmed,
    ),
    "engagements:threat_add": Fitting({**SERVICE, "service": "Another one"}),
    "engagements:threat": Fitting({**SERVICE, "service": "Another one"}),
    "engagements:threat_conclude": Fitting({"effect": "impairs", "conclusion": "We kept the books."}),
    "engagements:threat_none": Fitting(before=not_weighed),
    "reports:issue_general_use": Fitting(before=no_soc_3_yet),
    "reports:draft_letter": Fitting({"fees": "A fee."}, Stage.SCOPING, before=without_letter),
    "reports:amend_letter": Fitting({**EXAMINATION, "reason": "Its name."}, Stage.SCOPING, before=undated),
    "reports:record_letter": Fitting(a_signed_copy, Stage.SCOPING, before=without_letter),
    "reports:letter": Fitting(signing_letter, Stage.SCOPING, who="petra", before=a_letter_to_sign),
    "reports:withdraw_letter": Fitting({"reason": "Not yet."}, Stage.SCOPING, before=a_letter_to_sign),
    "engagements:leave": Fitting({"reason": "No access.", "confirm": "Withdraw"}, Stage.FIELDWORK),
    "engagements:criterion": Fitting({"relevant": "1"}, Stage.SCOPING, before=not_relevant),
    "engagements:register_add": scoping(kind="data", name="More", in_boundary="on"),
    "engagements:register_none": Fitting(
        {"statement": "There was none."},
        Stage.SCOPING,
        before=lambda world: [undated(world), Incident.objects.filter(engagement=world.engagement).delete()],
    ),
    "engagements:no_incident_review": Fitting(
        {"statement": "There was none.", "source": "The export of the incident tracker."},
        Stage.SCOPING,
        before=no_incident_stated,
    ),
    "engagements:register_edit": scoping(kind="data", name="Other", in_boundary="on"),
    "engagements:register_delete": scoping(),
    "engagements:library": scoping(codes=["GOV-01", "GOV-02"]),
    "engagements:control_add": scoping(
        title="T", wording="W.", number="NEW-01", nature="M", frequency="E", criteria="CC6.1"
    ),
    "engagements:controls_owner": Fitting(
        lambda world: {"ids": world.ids["control_pk"], "owner": world.people["carla"].pk},
        Stage.SCOPING,
        before=undated,
    ),
    "engagements:control_wording": scoping(title="T", wording="Other words."),
    "engagements:control_mapping": scoping(criteria="CC6.7"),
    "engagements:control_owner": Fitting(
        lambda world: {"owner": world.people["carla"].pk}, Stage.SCOPING, before=undated
    ),
    "engagements:control_remove": scoping(reason="Gone."),
    "engagements:control_restore": scoping(),
    "engagements:team": Fitting(lambda world: {"user": world.people["cole"].pk, "role": "staff"}),
    "engagements:team_invite": Fitting({"name": "New", "email": "new@example.com", "role": "control_owner"}),
    "evidence:make_requests": Fitting(
        lambda world: {
            "controls": Control.objects.get(engagement=world.engagement, number="CHG-02").pk,
            "due": DUE,
        },
        before=another_control,
    ),
    "evidence:act_on_requests": Fitting(lambda world: {"act": "open", "ids": request_of(world, "Drafted").pk}),
    "evidence:import_requests": Fitting(a_sealed_table, who="sana"),
    "evidence:put_aside": Fitting(who="owen", before=named),
    "evidence:edit_request_list": Fitting(
        {
            "name": "Other words",
            "line-TOTAL_FORMS": "1",
            "line-INITIAL_FORMS": "1",
            "line-0-title": "Leavers",
            "line-0-priority": "normal",
            "line-0-after": "0",
        }
    ),
    "evidence:end_calendar": Fitting(who="owen"),
    "evidence:upload": Fitting(a_file, who="owen"),
    "evidence:submit_request": Fitting(who="owen", before=upload_first),
    "evidence:drop": Fitting(
        lambda world: {f"{Upload.objects.get(to_be_matched=True).token}-requests": request_of(world, "Open").code},
        who="owen",
        before=a_dropped_file,
    ),
    "evidence:explain_finding": Fitting({"finding": "A remark.", "words": "Why."}, who="owen", before=a_remark),
    "evidence:also_answers": Fitting(lambda world: {"requests": request_of(world, "Open").code}, who="owen"),
    "evidence:obtain": Fitting(a_file),
    "evidence:choose_listing": Fitting(a_listing, who="carla"),
    "evidence:provide_population": Fitting(
        lambda world: {
            **evidence.ipe(),
            "name": "Leavers again",
            "controls": world.ids["control_pk"],
            "key_column": "ticket",
            "date_column": "left on",
            "run_at": "2026-10-02T09:30",
        },
        who="carla",
    ),
    "evidence:prove_population": Fitting(a_file, who="owen"),
    "evidence:begin_reconciliation": Fitting(
        lambda world: {
            "title": "Leavers to tickets",
            "first": f"p{world.ids['provided']}",
            "second": f"f{EvidenceFile.objects.get(engagement=world.engagement, name='tickets.csv').pk}",
        }
    ),
    "evidence:match_reconciliation": Fitting(before=lambda world: a_reconciliation(world, matched=False)),
    "evidence:explain_differences": Fitting(
        {"scope": "filtered", "cause": "timing", "explanation": "Later."}, before=a_reconciliation
    ),
    "evidence:conclude_reconciliation": Fitting(before=lambda world: a_reconciliation(world, equal=True)),
    "evidence:redo_reconciliation": Fitting(before=a_newer_listing),
    "evidence:discard_reconciliation": Fitting(before=lambda world: a_reconciliation(world, matched=False)),
    "api:files": Fitting(a_file, who="owen"),
    "fieldwork:plan": Fitting(
        {
            "phase": "operating",
            "kinds": ["inspection"],
            "procedure": "Inspected it.",
            "attributes": "There: it is there.",
            "items": "One",
        }
    ),
    "fieldwork:record": Fitting(
        lambda world: {"entries": json.dumps([{"item": world.ids["item"], "note": "Seen again.", "seen": 1 << 40}])}
    ),
    "fieldwork:item": Fitting({f"{letter}-seen": 1 << 40 for letter in "ABC"}),
    "fieldwork:import_programmes": Fitting(a_sealed_programme, who="sana"),
    "fieldwork:copy_test": Fitting(
        lambda world: {"controls": Control.objects.get(engagement=world.engagement, number="IAM-01").pk}
    ),
    "fieldwork:scans": Fitting(
        lambda world: {"file": EvidenceFile.objects.get(engagement=world.engagement, name="prowler-2.csv").pk},
        before=lambda world: fieldwork.scanned(world.engagement, name="prowler-2.csv"),
    ),
    "fieldwork:take_over_map": Fitting(
        lambda _: {"file": SimpleUploadedFile("map.json", b'{"CC6.1": {"checks": ["s3_bucket_public"]}}')}
    ),
    "fieldwork:fill": Fitting(
        lambda world: {
            "attribute": sheet_of(world).attributes.all()[0].pk,
            "outcome": "n",
            "citation": sheet_of(world).citations.get().pk,
        },
        before=an_empty_item,
    ),
    "fieldwork:unobtainable": Fitting(
        {"effect": "limitation", "reason": "The ticket system lost it."}, before=an_item_without_results
    ),
    "fieldwork:obtained": Fitting(before=lambda world: an_item_without_results(world, marked=True)),
    "fieldwork:sign": Fitting(before=a_test),
    "fieldwork:return_test": Fitting(before=lambda world: a_test(world, sign=True)),
    "fieldwork:draw": Fitting(before=something_to_draw),
    "fieldwork:import_profiles": Fitting(a_profile_file),
    "fieldwork:edit_profile": Fitting(
        {"name": "Ours", "note": "More.", "f_annual_low": "2", "f_annual_normal": "2", "f_annual_high": "2"}
    ),
    "fieldwork:propose_profile": Fitting(before=a_changed_profile),
    "fieldwork:return_profile": Fitting(before=lambda world: a_changed_profile(world, proposed=True)),
    "fieldwork:release": Fitting(before=an_exception),
    "fieldwork:review_sign": Fitting(before=lambda world: a_test(world, sign=True), who="milan"),
    "fieldwork:merge": Fitting(
        lambda world: {"into": newest_exceptions(world)[1].pk, "reason": "One form."}, before=two_exceptions
    ),
    "fieldwork:part": Fitting({"reason": "Another cause."}, before=two_of_one_cause),
    "fieldwork:split": Fitting(
        lambda world: {
            "cells": newest_exceptions(world)[0].cells.order_by("pk")[0].pk,
            "title": "T",
            "description": "D.",
            "reason": "Another cause.",
        },
        before=an_exception_of_two,
    ),
    "fieldwork:cite": Fitting(
        lambda world: {"file": EvidenceFile.objects.filter(engagement=world.engagement).order_by("pk")[0].pk}
    ),
    "fieldwork:assign_test": Fitting(lambda world: {"assigned_to": world.people["sana"].pk}),
    "fieldwork:raise_exception": Fitting(
        lambda world: {
            "title": "T",
            "description": "D.",
            "cells": ItemResult.objects.filter(engagement=world.engagement, outcome="d").order_by("-pk")[0].pk,
        },
        before=lambda world: a_test(world, ended=False, deviating=True),
    ),
    "fieldwork:evaluate": Fitting(
        {
            "cause": "Late form",
            "type": "systematic",
            "extent": "Two of twelve",
            "evaluation": "Happens again",
            "effect": "criterion_failed",
            "failed_criteria": ["CC6.2"],
        }
    ),
    "fieldwork:conclude_exception": Fitting(
        {"effect": "control_effective", "softer_reason": "It was one day."}, before=evaluated_lightly
    ),
    "reports:add_matter": Fitting(
        {"title": "T", "cause": "operation", "limbs": ["operating"], "basis": "B", "criteria": ["CC6.2"]}
    ),
    "reports:approve_issue": Fitting({"draft": "@draft_pk", "password": "@password"}, before=two_to_issue),
    "reports:withdraw_approval": Fitting({"reason": "R"}, before=approved, who="milan"),
    "reports:issue": Fitting(
        {"draft": "@draft_pk", "password": "@password", "confirm": "issue"}, before=ready_to_issue
    ),
    "reports:record_fact": Fitting(before=settled),
    "archive:lock": Fitting(before=settled),
    "archive:add_addendum": Fitting(before=overdue),
    "archive:review_addendum": Fitting(before=overdue),
    "archive:ask_purge": Fitting(before=overdue),
    "archive:cancel_purge": Fitting(before=lambda world: asked_to_destroy(world, "milan")),
    "archive:approve_purge": Fitting(before=lambda world: asked_to_destroy(world, "milan")),
    "reports:start_description": Fitting(before=without_description, who="carla"),
    "reports:sign_statement": Fitting(signing),
    "reports:quality_review": Fitting(before=under_review),
    "reports:client_review": Fitting(before=under_client_review, who="carla"),
    "reports:approve_wording": Fitting(before=a_wording),
    "reports:return_wording": Fitting(before=a_wording),
    "reports:retire_wording": Fitting(before=lambda world: a_wording(world, approved=True)),
    "reports:request_draft": Fitting(
        before=lambda world: SystemDescription.objects.filter(engagement=world.engagement).update(title="Other")
    ),
    "distribution:publish": Fitting(before=unpublished, who="carla"),
    "distribution:unpublish": Fitting(who="carla"),
    "distribution:accept": Fitting(accepting, before=newer_terms),
    "distribution:verify": Fitting(a_report),
    "reports:complete_description": Fitting(
        before=lambda world: SystemDescription.objects.filter(engagement=world.engagement).update(completed_at=None)
    ),
}


def routes() -> Iterator[Row]:
    for row in TABLE.values():
        if row.post is None or row.name.startswith(OF_LIBRARY) or row.name in {**NOTHING_CHANGES, **NOT_YET}:
            continue
        yield row


@pytest.mark.parametrize(
    "row",
    [
        # In the suite every sixteenth.
        pytest.param(row, id=row.name, marks=pytest.mark.drill if number % 16 else [])
        for number, row in enumerate(routes())
    ],
)
def test_whatever_changes_something_leaves_an_event_or_changes_nothing(
    world: World, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitting = FITTING.get(row.name, Fitting())
    usual = [stage for stage in (row.at, Stage.REPORTING, Stage.ISSUED) if stage in row.acts]
    with undone():
        table = Table(world, fitting.stage or usual[0])
        prepared = fitting.before(world) if fitting.before else None
        table.ids |= prepared if isinstance(prepared, dict) else {}
        who = fitting.who or next(key for key in EVERYBODY if may(key, row.post, row))

        def send() -> HttpResponse:
            data = fitting.data(world) if callable(fitting.data) else fitting.data
            sent = dataclasses.replace(row, data=tuple(data.items())) if data else row
            return world.ask(who, "POST", table.url(row), table.data(sent))

        before = kept()
        with monkeypatch.context() as patch:
            patch.setattr(Event, "save", full_disk)
            refused = send()
        assert refused.status_code == 500, f"{refused.status_code} without an event: {told(refused)}"
        assert kept() == before
        # That it was refused is no event of the act.
        done = Event.objects.exclude(action__startswith="refused.")
        events = done.count()
        response = send()
        assert done.count() > events, f"{response.status_code}, no event: {told(response)}"


@pytest.mark.parametrize("name", NOTHING_CHANGES)
def test_these_change_nothing(world: World, name: str) -> None:
    row = TABLE[name]
    with undone():
        table = Table(world, row.at)
        fitting = FITTING.get(name, Fitting())
        who = fitting.who or next(key for key in EVERYBODY if may(key, row.post, row))
        data = fitting.data(world) if callable(fitting.data) else table.data(row)
        before = kept()
        assert world.ask(who, "POST", table.url(row), data).status_code < 400
        assert kept() == before


@pytest.mark.parametrize("name", FILES)
def test_no_file_is_handed_out_without_an_event(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = TABLE[name]
    with undone():
        table = Table(world, row.at)
        for who in ("petra", "carla"):
            if not may(who, row.get, row):
                continue
            with monkeypatch.context() as patch:
                patch.setattr(Event, "save", full_disk)
                assert world.ask(who, "GET", table.url(row)).status_code == 500
            events = Event.objects.count()
            assert world.ask(who, "GET", table.url(row)).status_code == 200
            assert Event.objects.count() == events + 1


def full_disk(event: Event, **options: Any) -> None:
    raise DatabaseError("No space left on device")


def kept() -> dict[str, str]:
    """A hash over the rows of every table, but for those that come and go with a browser."""
    with connection.cursor() as cursor:
        tables = [name for name in connection.introspection.table_names(cursor) if name not in FLEETING]
        hashes = " UNION ALL ".join(
            f"SELECT '{table}', md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"  # noqa: S608
            for table in tables
        )
        cursor.execute(hashes)
        return dict(cursor.fetchall())


def told(response: Any) -> str:
    text = response.content.decode(errors="replace")
    problems = re.findall(
        r'class="[^"]*(?:invalid-feedback|errors?|notice bad)[^"]*"[^>]*>(.*?)</(?:ul|p|div|section)', text, re.S
    )
    words = [
        *problems,
        *(str(message) for message in getattr(getattr(response, "wsgi_request", None), "_messages", [])),
    ]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", " ".join(words)))[:600]
