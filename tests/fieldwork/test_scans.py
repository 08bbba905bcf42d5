"""Files of scanners: read defensively, kept as evidence, shown by check and criterion, never a result."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from audit.models import Event
from engagements.models import Engagement
from evidence import examining
from evidence.models import EvidenceFile
from fieldwork import scanners, scans
from fieldwork.models import CheckCriterion, ItemResult, ScanFinding, ScanReport
from tests import factories as f
from tests.fieldwork import makers as m

HEAD = (
    "AUTH_METHOD;TIMESTAMP;ACCOUNT_UID;FINDING_UID;CHECK_ID;CHECK_TITLE;STATUS;STATUS_EXTENDED;MUTED;SERVICE_NAME;"
)
HEAD += "SEVERITY;RESOURCE_UID;REGION;COMPLIANCE;PROWLER_VERSION"


def csv_row(check: str, status: str, resource: str, compliance: str = "", muted: str = "False") -> str:
    return (
        f"role;2026-08-03 04:05:06.5;1234;f-{resource};{check};Title of {check};{status};It is {status}.;{muted};"
        f"s3;high;{resource};eu-1;{compliance};5.1"
    )


PROWLER = "\n".join(
    [
        HEAD,
        csv_row("s3_public", "FAIL", "bucket-1", "CIS-2.0: 1.20 | SOC2: cc_6_1, cc_a_1_1"),
        csv_row("s3_public", "PASS", "bucket-2", "SOC2: cc_6_1"),
        csv_row("s3_public", "FAIL", "bucket-3", "SOC2: cc_6_1", muted="True"),
        csv_row("root_mfa", "MANUAL", "root"),
    ]
).encode()


def finding(**fields: Any) -> dict[str, Any]:
    return {
        "class_uid": 2004,
        "metadata": {"event_code": "root_mfa", "product": {"name": "Prowler", "version": "5.1"}},
        "finding_info": {"title": "Root has a second factor"},
        "status_code": "FAIL",
        "status": "New",
        "severity": "Critical",
        "status_detail": "It has none.",
        "resources": [{"uid": "root", "region": "eu-1", "group": {"name": "iam"}}],
        "cloud": {"account": {"uid": "1234"}},
        "unmapped": {"compliance": {"SOC2": ["cc_6_6"], "CIS-2.0": ["1.5"]}},
        "time_dt": "2026-08-03T04:05:06",
        **fields,
    }


def test_prowler_csv() -> None:
    scan = scanners.read(PROWLER, "csv")
    assert (scan.format, scan.tool, scan.version, len(scan.lines)) == ("prowler_csv", "Prowler", "5.1", 4)
    first = scan.lines[0]
    assert (first.row, first.check_id, first.status, first.resource) == (2, "s3_public", "fail", "bucket-1")
    assert first.criteria == ("CC6.1", "A1.1")
    assert [line.muted for line in scan.lines] == [False, False, True, False]
    assert scan.ran[0] is not None
    assert scan.ran[0].isoformat() == "2026-08-03T04:05:06.500000+00:00"


def test_ocsf_json() -> None:
    scan = scanners.read(json.dumps([finding(), finding(status="Suppressed", status_code="PASS")]).encode(), "json")
    first, second = scan.lines
    assert (first.check_id, first.status, first.service, first.account) == ("root_mfa", "fail", "iam", "1234")
    assert first.criteria == ("CC6.6",)
    assert (second.row, second.status, second.muted) == (2, "pass", True)
    # Parts that are missing or of another kind are nothing, and no error.
    odd = finding(resources="none", cloud=None, unmapped=[], severity=3, time_dt=None, time=1785730000, title=[])
    (line,) = scanners.read(json.dumps([odd]).encode(), "json").lines
    assert (line.resource, line.account, line.criteria, line.severity) == ("", "", (), "3")
    assert line.at is not None


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"\xff\xfe\x00", "csv", "not UTF-8"),
        (b"a;b\n1;2\n", "csv", "no column CHECK_ID"),
        (HEAD.encode() + b"\n", "csv", "no finding"),
        (PROWLER + b"\n" + csv_row("", "FAIL", "x").encode(), "csv", "Row 6: no check"),
        (PROWLER + b"\n" + csv_row("c", "", "x").encode(), "csv", "Row 6: no status"),
        (PROWLER + b"\n" + csv_row("c", "FAIL", "x").encode() + b";more;cells", "csv", "more cells"),
        (PROWLER + b'\n"open', "csv", "quotes"),
        (b"{", "json", "not JSON"),
        (b"3", "json", "list of findings"),
        (b"[" * 100_000, "json", "not JSON"),
        (b"[3]", "json", "Entry 1 is no finding"),
        (json.dumps([finding(metadata=3)]).encode(), "json", "Entry 1: no check"),
        (json.dumps([finding(status_code=None)]).encode(), "json", "Entry 1: no outcome"),
    ],
)
def test_what_is_not_understood_is_named_and_nothing_taken(data: bytes, kind: str, words: str) -> None:
    with pytest.raises(scanners.Unreadable, match=words):
        scanners.read(data, kind)


def test_criteria_in_every_notation() -> None:
    assert scanners.criteria_in(["cc_6_1, cc_a_1_1, pi_1_2", "CC9.2 p4.1", "abc1.2 1.20 cc_6_1"]) == (
        *("CC6.1", "A1.1", "PI1.2", "CC9.2", "P4.1"),
    )
    own = {"Requirements": [{"Id": "cc_6_1", "Checks": ["a", "b", 3]}, {"Id": "nothing", "Checks": ["c"]}, 7]}
    assert scanners.mapped(json.dumps(own).encode()) == {"a": {"CC6.1"}, "b": {"CC6.1"}}
    named = {"x": {"criterion": "CC7.1", "checks": ["a"]}, "cc_c_1_1": {"checks": ["a"]}}
    assert scanners.mapped(json.dumps(named).encode()) == {"a": {"CC7.1", "C1.1"}}
    for data in (b"[]", b"{}", b"no"):
        with pytest.raises(scanners.Unreadable):
            scanners.mapped(data)


def obtained(engagement: Engagement, data: bytes, name: str = "prowler.csv") -> EvidenceFile:
    file = m.scanned(engagement, data, name)
    examining.read(file)
    return file


@pytest.mark.django_db
def test_findings_are_evidence_for_a_control_and_no_result_of_it() -> None:
    engagement = m.at_fieldwork()
    control = m.control(engagement, "NET-01", criteria=["CC6.1"])
    test = m.planned(engagement, control)
    file = obtained(engagement, PROWLER)
    sana = f.person("sana")
    client = Client()
    client.force_login(sana)
    listing = reverse("fieldwork:scans", args=[engagement.pk])
    assert file.code in client.get(listing).content.decode()
    assert [one.pk for one in scans.candidates(engagement)] == [file.pk]
    assert client.post(listing, {"file": file.pk}).status_code == 302
    report = ScanReport.objects.get()
    assert scans.read(file, by=sana) == report, "reading it again finds what is there"
    assert scans.candidates(engagement) == []
    checks = scans.by_check(report)
    assert [(one.check_id, one.failed, one.passed, one.muted) for one in checks] == [
        ("s3_public", 1, 1, 1),
        ("root_mfa", 0, 0, 0),
    ]
    assert checks[0].criteria == ["CC6.1", "A1.1"]
    assert [one.number for one in checks[0].controls] == ["NET-01"]
    assert not ItemResult.objects.exists()
    test.refresh_from_db()
    assert test.result == ""
    # It is cited like any file, by the row of a finding.
    places = reverse("fieldwork:places", args=[engagement.pk, test.pk])
    page = client.get(places, {"file": file.code}).content.decode()
    assert 'data-place="row 2"' in page
    assert "root_mfa" not in page, "only what speaks to the control's criteria"
    item = test.items.get(position=1).pk
    entry = {"item": item, "attribute": "A", "value": "deviation", "evidence": file.code, "reference": "row 2"}
    answer = client.post(
        reverse("fieldwork:record", args=[engagement.pk, test.pk]),
        {"entries": json.dumps([{"item": item, "note": "Public"}, entry])},
    ).json()
    assert answer["answers"][1]["evidence"] == f"{file.code} row 2"
    assert "s3_public" in client.get(report.get_absolute_url()).content.decode()
    check = reverse("fieldwork:scan_check", args=[engagement.pk, report.pk, "s3_public"])
    assert "bucket-1" in client.get(check).content.decode()
    assert client.get(reverse("fieldwork:scan_check", args=[engagement.pk, report.pk, "none"])).status_code == 404
    assert Event.objects.get(action="scan.read").detail["findings"] == 4


@pytest.mark.django_db
def test_the_firms_map_says_which_criterion_a_check_speaks_to() -> None:
    engagement = m.at_fieldwork()
    sana = f.person("sana")
    report = scans.read(obtained(engagement, PROWLER), by=sana)
    client = Client()
    client.force_login(sana)
    url = reverse("fieldwork:take_over_map", args=[engagement.pk])
    right = json.dumps({"Requirements": [{"Id": "cc_6_6", "Checks": ["root_mfa"]}]}).encode()
    client.post(url, {"file": SimpleUploadedFile("soc2.json", right)})
    assert scans.criteria_of_checks(report)["root_mfa"] == ["CC6.6"]
    assert scans.map_of(engagement.firm) == (1, "soc2.json")
    wrong = json.dumps({"x": {"criterion": "CC6.9", "checks": ["root_mfa"]}}).encode()
    with pytest.raises(ValidationError, match="no criterion CC6"):
        scans.take_over_map(engagement.firm, io.BytesIO(wrong), "bad.json", by=sana)
    with pytest.raises(PermissionDenied):
        scans.take_over_map(engagement.firm, io.BytesIO(right), "soc2.json", by=f.person("carla"))
    assert CheckCriterion.objects.get().source == "soc2.json"


@pytest.mark.django_db
def test_only_the_firm_reads_and_a_bad_file_leaves_nothing() -> None:
    engagement = m.at_fieldwork()
    file = obtained(engagement, PROWLER)
    with pytest.raises(PermissionDenied):
        scans.read(file, by=f.person("owen"))
    bad = obtained(engagement, PROWLER + b"\n" + csv_row("", "FAIL", "x").encode(), "half.csv")
    with pytest.raises(ValidationError, match="Row 6"):
        scans.read(bad, by=f.person("sana"))
    assert not ScanReport.objects.exists()
    assert not ScanFinding.objects.exists()
