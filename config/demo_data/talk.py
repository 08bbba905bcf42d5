"""What people say to each other about requests and a draft, and what the firm keeps for all its engagements."""

from __future__ import annotations

import io

from accounts.models import Firm, User
from config.demo_data.work import Crew
from engagements.models import Engagement
from evidence import asking, comments, uploads
from evidence.models import EvidenceRequest
from fieldwork import scans
from reports import own_words, reading, remarks
from reports.models import Report

_SCAN = (
    "AUTH_METHOD;TIMESTAMP;ACCOUNT_UID;FINDING_UID;CHECK_ID;CHECK_TITLE;STATUS;STATUS_EXTENDED;MUTED;SERVICE_NAME;"
)
_SCAN += "SEVERITY;RESOURCE_UID;REGION;COMPLIANCE;PROWLER_VERSION"
# Check, what it looks at, service, severity, criteria, and what was found at each resource.
_CHECKS = (
    ("iam_root_mfa_enabled", "The root account has a second factor", "iam", "critical", "cc_6_1", ("PASS root",)),
    (
        "iam_rotate_access_key_90_days",
        "Access keys are younger than 90 days",
        "iam",
        "medium",
        "cc_6_1",
        ("PASS deploy", "FAIL backup-agent", "PASS metrics"),
    ),
    (
        "s3_bucket_public_access",
        "Storage cannot be read by everybody",
        "s3",
        "critical",
        "cc_6_1, cc_6_6",
        ("PASS pay-slips", "PASS tax-forms", "PASS exports"),
    ),
    (
        "rds_instance_storage_encrypted",
        "Databases are encrypted at rest",
        "rds",
        "high",
        "cc_6_1, cc_6_7",
        ("PASS payroll-main", "PASS payroll-replica"),
    ),
    (
        "ec2_securitygroup_allow_ingress_from_internet_to_port_22",
        "No network lets SSH in from the internet",
        "ec2",
        "high",
        "cc_6_6",
        ("PASS web", "FAIL jump-host"),
    ),
    (
        "cloudtrail_multi_region_enabled",
        "Acts of administrators are logged in all regions",
        "cloudtrail",
        "high",
        "cc_7_2",
        ("PASS main-trail",),
    ),
    ("guardduty_is_enabled", "Threat detection is on", "guardduty", "medium", "cc_7_2", ("MANUAL eu-central-1",)),
)


def keep_request_list(firm: Firm, *, by: User) -> None:
    """The usual requests, and two that this firm always asks."""
    own = (
        asking.Line(
            "Minutes of the risk committee", "With the decisions on each risk above the appetite.", covers="period"
        ),
        asking.Line(
            "Contracts with new customers", "Three that were signed in the period.", covers="period", after=7
        ),
    )
    asking.write(firm, name="Type 2, first year", lines=[*asking.shipped(), *own], by=by)


def talk_about_requests(engagement: Engagement, crew: Crew) -> None:
    """A question of the client with its answer, and a note that only the firm reads."""
    asked = EvidenceRequest.objects.filter(engagement=engagement)
    returned = asked.filter(state=EvidenceRequest.State.RETURNED).first()
    due = asked.filter(state=EvidenceRequest.State.OPEN).first()
    if returned is not None:
        comments.comment(
            returned,
            text=f"@{crew.preparers[0].name} the plan has no date on its face; the approval is in the minutes. Do both help?",
            by=crew.owners[0],
        )
        comments.comment(
            returned,
            text=f"@{crew.owners[0].name} yes: send the minutes too, with the page on which the plan is approved.",
            by=crew.preparers[0],
        )
        comments.comment(
            returned,
            text=f"@{crew.manager.name} the same happened last year. Shall we ask for the minutes at the start?",
            by=crew.preparers[0],
            internal=True,
        )
    if due is not None:
        comments.comment(
            due, text=f"@{crew.preparers[1].name} is an export of the console enough?", by=crew.owners[0]
        )


def read_scan(engagement: Engagement, by: User) -> None:
    """What a scanner found in the client's cloud on one day."""
    day = engagement.ends_on.isoformat()
    lines = [_SCAN]
    for check, title, service, severity, criteria, found in _CHECKS:
        for one in found:
            status, resource = one.split(" ")
            lines.append(
                f"role;{day} 04:05:06;4411;{check}-{resource};{check};{title};{status};{title}: {resource}.;False;"
                f"{service};{severity};{resource};eu-central-1;SOC2: {criteria};5.1"
            )
    file = uploads.receive(
        engagement,
        file=io.BytesIO("\n".join(lines).encode()),
        name="prowler-production.csv",
        speaks_from=engagement.ends_on,
        speaks_to=engagement.ends_on,
        obtained_by_auditor=True,
        by=by,
    )
    scans.read(file, by=by)


def review_draft(draft: Report, crew: Crew) -> None:
    """The client comments on two paragraphs and says that it has read the draft; one comment is settled."""
    passages = {part.section.key: part.passages for part in reading.parts(draft.snapshot)}
    described, tested = passages["description"][0], passages["controls"][-1]
    asked = remarks.comment(
        draft, place=described.place, text="The name of the product is Quill Notes, without “the”.", by=crew.admin
    )
    remarks.settle(asked, answer="The system is named as in your description: change it there.", by=crew.manager)
    remarks.comment(
        draft, place=tested.place, text="Our head of engineering did this, not the lead.", by=crew.admin
    )
    remarks.comment(
        draft, place=described.place, text="Compare with the website before issue.", by=crew.manager, internal=True
    )
    remarks.client_has_read(draft, note="Read in full, with our head of engineering.", by=crew.admin)


def put_in_own_words(firm: Firm, crew: Crew) -> None:
    """A paragraph of the report as this firm says it, approved by a partner who did not write it."""
    written = own_words.write(
        firm,
        element="independence",
        report_type="",
        text="We are required to be independent of {client} and to meet the other ethical duties that bear on this "
        "examination. Each person on it confirmed this in writing before the work began and again at the report date.",
        note="Says how independence is confirmed; our own text.",
        by=crew.manager,
    )
    own_words.approve(own_words.propose(written, by=crew.manager), by=crew.partner)
