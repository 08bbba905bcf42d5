"""Scanner files as evidence: read, grouped by check, held against the criteria; never turned into a result."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet

from accounts.models import Firm, FirmMember, User
from audit.trail import action, record
from controls.models import Criterion
from engagements.coverage import controls_in_scope, served_by
from engagements.models import Control, Engagement
from engagements.roles import require
from engagements.workflow import locked, must_be
from evidence.models import EvidenceFile, FileCheck, FileReading
from evidence.uploads import verified
from fieldwork import scanners
from fieldwork.drawing import TESTING
from fieldwork.models import CheckCriterion, ScanFinding, ScanReport

READ = action("scan.read", "read {findings} findings of {tool} from {file}", firm_only=True)
MAPPED = action("scan.map_taken_over", "took over a map of {checks} checks to criteria from {file}", firm_only=True)

MOST_MAP = 5 << 20
_HEAD = 4_000


def candidates(engagement: Engagement) -> list[EvidenceFile]:
    """Files handed in that look like a scanner's and have not been read."""
    texts = (
        FileReading.objects.filter(file__engagement=engagement, file__kind__in=["csv", "json"])
        .filter(Q(text__icontains="CHECK_ID") | Q(text__contains="class_uid"))
        .exclude(file__in=ScanReport.objects.filter(engagement=engagement).values("file"))
        .values_list("file_id", "file__name", "text")
    )
    found = [pk for pk, name, text in texts if scanners.looks_like(name, text[:_HEAD])]
    return list(EvidenceFile.objects.filter(pk__in=found).handed_in().current().order_by("pk"))


def read(file: EvidenceFile, *, by: User) -> ScanReport:
    """Read a scanner's file; the file stays the evidence, and nothing is concluded from it.

    Reading it again returns what is there. Raises PermissionDenied, WrongStage, ValidationError with the rows
    that cannot be read: a file is taken whole or not at all.
    """
    require(file.engagement, by, "record_tests")
    if file.kind not in {"csv", "json"}:
        raise ValidationError("A scanner's findings come as CSV or JSON.")
    if not EvidenceFile.objects.filter(pk=file.pk).handed_in().exists():
        raise ValidationError(f"{file.code} was not handed in.")
    if FileCheck.objects.filter(file=file, scan=FileCheck.Scan.QUARANTINED).exists():
        raise ValidationError(f"{file.code} is quarantined: ask for a clean version.")
    with verified(file) as content:
        scan = scanners.read(content.read(scanners.MOST_BYTES + 1), file.kind)
    return _keep(file, scan, by)


@transaction.atomic
def _keep(file: EvidenceFile, scan: scanners.Scan, by: User) -> ScanReport:
    engagement = locked(file.engagement)
    require(engagement, by, "record_tests")
    must_be(engagement, *TESTING)
    standing = ScanReport.objects.filter(file=file).first()
    if standing is not None:
        return standing
    known = set(Criterion.objects.values_list("pk", flat=True))
    first, last = scan.ran
    report = ScanReport.objects.create(
        engagement=engagement,
        file=file,
        format=scan.format,
        tool=scan.tool,
        tool_version=scan.version,
        ran_from=first,
        ran_to=last,
        read_by=by,
    )
    ScanFinding.objects.bulk_create(
        (
            ScanFinding(
                engagement=engagement,
                report=report,
                row=line.row,
                check_id=line.check_id,
                title=line.title,
                status=line.status,
                muted=line.muted,
                severity=line.severity,
                service=line.service,
                account=line.account,
                region=line.region,
                resource=line.resource,
                detail=line.detail,
                criteria=[code for code in line.criteria if code in known],
            )
            for line in scan.lines
        ),
        batch_size=2_000,
    )
    record(
        READ,
        by=by,
        engagement=engagement,
        target=report,
        tool=scan.tool,
        file=file.code,
        findings=len(scan.lines),
        sha256=file.sha256,
    )
    return report


# --- what a report shows


@dataclass
class Check:
    """All findings of one check: how many of each, the criteria it speaks to, the controls that serve them."""

    check_id: str
    title: str
    severity: str
    row: int
    failed: int
    passed: int
    manual: int
    muted: int
    criteria: list[str] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)

    @property
    def state(self) -> str:
        return "fail" if self.failed else "manual" if self.manual else "pass" if self.passed else "muted"


def by_check(report: ScanReport) -> list[Check]:
    """The report by check, those that failed first; a fixed number of queries."""
    living = Q(muted=False)
    rows = (
        ScanFinding.objects.filter(report=report)
        .order_by()
        .values("check_id")
        .annotate(
            shown=Min("title"),
            worst=Min("severity"),
            first=Min("row"),
            failed=Count("pk", filter=living & Q(status="fail")),
            passed=Count("pk", filter=living & Q(status="pass")),
            manual=Count("pk", filter=living & Q(status__in=["manual", "other"])),
            out=Count("pk", filter=Q(muted=True)),
        )
    )
    checks = {
        row["check_id"]: Check(
            row["check_id"],
            row["shown"],
            row["worst"],
            row["first"],
            row["failed"],
            row["passed"],
            row["manual"],
            row["out"],
        )
        for row in rows
    }
    criteria = criteria_of_checks(report)
    serving = _serving(report.engagement)
    for check in checks.values():
        check.criteria = criteria[check.check_id]
        controls = {control.pk: control for code in check.criteria for control in serving[code]}
        check.controls = sorted(controls.values(), key=lambda control: control.number)
    return sorted(checks.values(), key=lambda check: (-bool(check.failed), check.check_id))


def criteria_of_checks(report: ScanReport) -> dict[str, list[str]]:
    """The criteria of each check: those that the file names, and those of the firm's map; in their order."""
    order = dict(Criterion.objects.values_list("pk", "position"))
    found: dict[str, set[str]] = defaultdict(set)
    named = ScanFinding.objects.filter(report=report).exclude(criteria=[]).order_by()
    for check_id, codes in named.values_list("check_id", "criteria").distinct():
        found[check_id].update(codes)
    own = CheckCriterion.objects.filter(firm=report.engagement.firm_id)
    for check_id, code in own.order_by().values_list("check_id", "criterion_id"):
        found[check_id].add(code)
    sorted_ = {check_id: sorted(codes, key=lambda code: order[code]) for check_id, codes in found.items()}
    return defaultdict(list, sorted_)


def _serving(engagement: Engagement) -> dict[str, list[Control]]:
    controls = {control.pk: control for control in controls_in_scope(engagement)}
    found: dict[str, list[Control]] = defaultdict(list)
    for control_id, codes in served_by(engagement).items():
        if control_id in controls:
            for code in codes:
                found[code].append(controls[control_id])
    return found


def findings_of(report: ScanReport, check_id: str) -> QuerySet[ScanFinding]:
    """What a check found, what failed first."""
    found = ScanFinding.objects.filter(report=report, check_id=check_id)
    return found.order_by("muted", "status", "row")


def for_control(file: EvidenceFile, control: Control, *, most: int) -> list[ScanFinding]:
    """Findings of a scanner's file that speak to a control's criteria, what failed first; for citing."""
    report = ScanReport.objects.filter(file=file).select_related("engagement").first()
    if report is None:
        return []
    codes = set(control.criteria.values_list("pk", flat=True))
    checks = [check for check, own in criteria_of_checks(report).items() if codes & set(own)]
    found = ScanFinding.objects.filter(report=report)
    near = found.filter(check_id__in=checks) if checks else found
    return list((near if near.exists() else found).order_by("muted", "status", "check_id", "row")[:most])


# --- the firm's map of checks to criteria


@transaction.atomic
def take_over_map(firm: Firm, file: IO[bytes], name: str, *, by: User) -> int:
    """Replace the firm's map of checks to criteria by that of a file; returns how many checks it speaks of.

    Raises PermissionDenied for who is not of the firm, ValidationError with criteria that do not exist.
    """
    if not FirmMember.objects.filter(firm=firm, user=by, user__is_active=True).exists():
        raise PermissionDenied("Only people of the firm take over a map of checks.")
    data = file.read(MOST_MAP + 1)
    if len(data) > MOST_MAP:
        raise ValidationError(f"A map is at most {MOST_MAP >> 20} MB.")
    checks = scanners.mapped(data)
    unknown = _unknown({code for codes in checks.values() for code in codes})
    if unknown:
        raise ValidationError(f"There is no criterion {', '.join(unknown)}: the map is not taken over.")
    Firm.objects.select_for_update().get(pk=firm.pk)
    CheckCriterion.objects.filter(firm=firm).delete()
    CheckCriterion.objects.bulk_create(
        CheckCriterion(firm=firm, check_id=check_id, criterion_id=code, source=name[:200])
        for check_id, codes in checks.items()
        for code in sorted(codes)
    )
    digest = hashlib.sha256(data).hexdigest()
    record(MAPPED, by=by, firm=firm, target=firm, checks=len(checks), file=name[:200], sha256=digest)
    return len(checks)


def _unknown(codes: Iterable[str]) -> list[str]:
    return sorted(set(codes) - set(Criterion.objects.values_list("pk", flat=True)))


def map_of(firm: Firm) -> tuple[int, str]:
    """How many checks the firm's map speaks of, and where it is from."""
    own = CheckCriterion.objects.filter(firm=firm)
    first = own.first()
    return own.values("check_id").distinct().order_by().count(), first.source if first else ""
