"""The rules of what an engagement holds: acceptance, letter, scope, registers, the firm, the report's date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from django.urls import reverse
from django.utils import timezone

from accounts.models import SigningCertificate
from controls.models import Category
from engagements.coverage import (
    changes_of,
    controls_in_scope,
    coverage,
    criteria_of,
    incidents_of,
    no_incident_review_of,
    served_by,
    subservices_of,
)
from engagements.models import (
    Engagement,
    EngagementMember,
    NonAttestService,
    NoThreatStatement,
    ProviderRelation,
    SubserviceOrganization,
)
from engagements.register import Finding, Rule, Severity, rule, shared
from engagements.signature import signer
from engagements.workflow import AGREED, Change

# A step forward of the workflow; "issue" repeats what must hold for the report.
ONWARD = ("accept", "readiness", "observation", "fieldwork", "reporting", "issue")

CRITERIA_COUNT = {
    Category.SECURITY: 33,
    Category.AVAILABILITY: 3,
    Category.CONFIDENTIALITY: 2,
    Category.PROCESSING_INTEGRITY: 5,
    Category.PRIVACY: 18,
}
SHORTEST_PERIOD = 90
LONGEST_PERIOD = 366
REPORT_WITHIN_DAYS = 120
PEER_REVIEW_YEARS = 3


def _page(name: str, engagement: Engagement) -> str:
    return reverse(f"engagements:{name}", args=[engagement.pk])


def _register(engagement: Engagement, slug: str) -> str:
    return reverse("engagements:register", args=[engagement.pk, slug])


@shared
def _firm_team(engagement: Engagement) -> list[EngagementMember]:
    members = EngagementMember.objects.filter(engagement=engagement).select_related("user")
    return [member for member in members if member.of_firm]


# -- Acceptance and independence --------------------------------------------------------------


@rule(
    "R01",
    Severity.BLOCK,
    guards=ONWARD,
    text="No work beyond acceptance until everybody of the firm's team has confirmed independence of this client.",
)
def independence_confirmed(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    for member in _firm_team(engagement):
        if member.independence_confirmed_at is None:
            yield rule.finding(
                f"{member.user.name} has not confirmed independence.",
                at=member,
                url=_page("acceptance", engagement),
                label="Independence",
            )


@rule(
    "R02",
    Severity.BLOCK,
    guards="open_workspace",
    text="A team member who has not confirmed independence cannot open the workspace.",
)
def independent_before_opening(rule: Rule, member: EngagementMember) -> Iterator[Finding]:
    if member.unconfirmed:
        yield rule.finding(
            "Confirm your independence of this client before you open the engagement's workspace.",
            at=member,
            url=_page("acceptance", member.engagement),
            label="Independence",
        )


@rule(
    "R03",
    Severity.BLOCK,
    guards="issue",
    text="Independence is confirmed again for the issue: on the report date or later, and after the period.",
)
def independent_at_issue(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    for member in _firm_team(engagement):
        if member.confirms_again(engagement):
            yield rule.finding(
                f"{member.user.name} has to confirm independence again for the issue.",
                at=member,
                url=_page("acceptance", engagement),
                label="Independence",
            )


@rule(
    "R04",
    Severity.BLOCK,
    guards=("accept", "reporting", "issue"),
    text="Other services for the client are recorded with threats, safeguards and the person who oversees them, "
    "and concluded on; or the firm states that there are none.",
)
def services_evaluated(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    found = list(NonAttestService.objects.filter(engagement=engagement))
    none = "Nobody has stated whether the firm gives the client other services."
    yield from _evaluated(rule, engagement, found, NoThreatStatement.Kind.SERVICES, none)
    for service in found:
        if not service.overseer.strip():
            yield rule.finding(f"{service}: nobody of the client is named who oversees it.", at=service)


@rule(
    "R05",
    Severity.BLOCK,
    guards=("accept", "reporting", "issue"),
    text="Relations to the providers of tools (referral, bundled fee, exclusivity, promotion, limits of evidence, "
    "ownership) are recorded and concluded on; or the firm states that there are none.",
)
def providers_evaluated(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    found = list(ProviderRelation.objects.filter(engagement=engagement))
    none = "Nobody has stated whether the firm has a relation to the provider of a tool in use."
    yield from _evaluated(rule, engagement, found, NoThreatStatement.Kind.PROVIDERS, none)


def _evaluated(
    rule: Rule,
    engagement: Engagement,
    found: Sequence[NonAttestService | ProviderRelation],
    kind: NoThreatStatement.Kind,
    none: str,
) -> Iterator[Finding]:
    if not found and not NoThreatStatement.objects.filter(engagement=engagement, kind=kind).exists():
        yield rule.finding(none, url=_page("acceptance", engagement), label="Independence")
    for entry in found:
        if not entry.effect:
            yield rule.finding(f"{entry}: the partner has not concluded on the threats.", at=entry)
        elif entry.impairs:
            yield rule.finding(f"{entry} impairs independence: the firm cannot give this report.", at=entry)


@rule(
    "R06",
    Severity.BLOCK,
    guards=("accept", "issue"),
    text="Continuance is a new decision each period, made after that of the period before.",
)
def continuance_decided_anew(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    before = Engagement.objects.filter(
        client_id=engagement.client_id, system_name=engagement.system_name, accepted_on__isnull=False
    ).exclude(pk=engagement.pk)
    for other in before:
        if (
            engagement.accepted_on is not None
            and other.accepted_on is not None
            and other.ends_on < engagement.ends_on
            and engagement.accepted_on <= other.accepted_on
        ):
            yield rule.finding(
                f"Accepted no later than {other.number}, whose period came before: decide about continuance anew.",
                url=_page("acceptance", engagement),
                label="Acceptance",
            )


# -- Letter, type and period ------------------------------------------------------------------


@rule(
    "R07",
    Severity.BLOCK,
    guards=("record_test", "reporting"),
    text="The engagement letter is executed by both parties before the first test is recorded.",
)
def letter_executed(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    if engagement.letter_on is None:
        yield rule.finding(
            "The engagement letter is not signed by both parties.", url=_page("letter", engagement), label="Letter"
        )


@rule("R08", Severity.BLOCK, guards=("change", *ONWARD), text="Security is always in scope.")
def security_in_scope(rule: Rule, subject: Engagement | Change) -> Iterator[Finding]:
    engagement = subject.engagement if isinstance(subject, Change) else subject
    if Category.SECURITY not in engagement.categories:
        yield rule.finding("Security is missing.", url=_page("settings", engagement), label="Settings")


@rule(
    "R09",
    Severity.BLOCK,
    guards=("change", *ONWARD),
    text="A Type 1 has an as-of date and no period; a Type 2 a period, first day before last.",
)
def dates_of_type(rule: Rule, subject: Engagement | Change) -> Iterator[Finding]:
    engagement = subject.engagement if isinstance(subject, Change) else subject
    start, end, as_of = engagement.period_start, engagement.period_end, engagement.as_of
    if engagement.is_type_2:
        fits = start is not None and end is not None and start < end and as_of is None
    else:
        fits = as_of is not None and start is None and end is None
    if not fits:
        yield rule.finding(
            f"The dates do not fit a {engagement.get_type_display()}.",
            url=_page("settings", engagement),
            label="Settings",
        )


@rule(
    "R10",
    Severity.WARN,
    guards=("fieldwork", "issue"),
    text=f"A period is usually between {SHORTEST_PERIOD} and {LONGEST_PERIOD} days long.",
)
def usual_period(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    if not engagement.is_type_2:
        return
    days = (engagement.ends_on - engagement.starts_on).days + 1
    if not SHORTEST_PERIOD <= days <= LONGEST_PERIOD:
        yield rule.finding(
            f"The period is {days} days long; usual are {SHORTEST_PERIOD} to {LONGEST_PERIOD}.",
            url=_page("settings", engagement),
            label="Period",
        )


@rule(
    "R11",
    Severity.WARN,
    guards=("fieldwork", "issue"),
    text="The period begins the day after the prior report's period: no gap, no overlap.",
)
def no_gap(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    if engagement.prior_period_end is None or not engagement.is_type_2:
        return
    days = (engagement.starts_on - engagement.prior_period_end).days - 1
    if days:
        words = f"{days} days lie between" if days > 0 else f"{-days} days are both in"
        yield rule.finding(
            f"{words} the prior report's period and this one.", url=_page("settings", engagement), label="Period"
        )


@rule(
    "R15",
    Severity.BLOCK,
    guards="change",
    text="After the engagement letter, a change of scope, period or categories needs an amendment signed by both.",
)
def amendment_signed(rule: Rule, change: Change) -> Iterator[Finding]:
    engagement, amendment = change.engagement, change.amendment
    if engagement.letter_on is None or not AGREED.intersection(change.changes):
        return
    if amendment is None or not amendment.for_client.strip() or not amendment.for_firm.strip():
        yield rule.finding(
            "The engagement letter is executed: its terms change by an amendment that both parties have signed.",
            url=_page("letter", engagement),
            label="Letter",
        )
    elif not amendment.reason.strip():
        yield rule.finding(
            "Say why the terms change: the reason is part of the amendment.",
            url=_page("settings", engagement),
            label="Settings",
        )
    elif not engagement.letter_on <= amendment.on <= timezone.localdate():
        yield rule.finding(
            "The amendment is signed on or after the day of the letter, and not in the future.",
            url=_page("settings", engagement),
            label="Settings",
        )


# -- Scope ------------------------------------------------------------------------------------


@rule(
    "R12",
    Severity.BLOCK,
    guards=("fieldwork", "reporting", "issue"),
    text="The criteria are the 33 common ones and those of the selected categories; no others.",
)
def criteria_of_categories(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    expected = sum(CRITERIA_COUNT[Category(category)] for category in engagement.categories)
    found = len(coverage(engagement))
    if found != expected:
        yield rule.finding(
            f"{found} criteria are loaded where the categories have {expected}.", url=_page("scope", engagement)
        )
    in_scope = {criterion.pk for criterion in criteria_of(engagement)}
    served = served_by(engagement)
    for control in controls_in_scope(engagement):
        for code in served[control.pk]:
            if code not in in_scope:
                yield rule.finding(f"{control.number} is mapped to {code}, which is not in scope.", at=control)


@rule(
    "R13",
    Severity.BLOCK,
    guards="issue",
    text="Every criterion in scope has at least one control, or a reason why it is not relevant (DC8).",
)
def every_criterion_met(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    for one in coverage(engagement):
        if one.gap:
            code = one.criterion.code
            yield rule.finding(
                f"{code} {one.criterion.title} has neither a control nor a reason.",
                url=reverse("engagements:criterion", args=[engagement.pk, code]),
                label=code,
            )


@rule(
    "R14",
    Severity.WARN,
    guards=("reporting", "issue"),
    text="Every control serves at least one criterion in scope.",
)
def every_control_mapped(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    mapped = {control.pk for one in coverage(engagement) for control in one.controls}
    for control in controls_in_scope(engagement):
        if control.pk in mapped:
            continue
        yield rule.finding(f"{control.number} {control.title} is mapped to no criterion.", at=control)


@rule(
    "R16",
    Severity.BLOCK,
    guards=("reporting", "issue"),
    text="A carved-out subservice organization has a CSOC and a monitoring control; an included one has given "
    "assertion and representation letter, and the firm is independent of it.",
)
def subservice_complete(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    for organization in subservices_of(engagement):
        missing = _missing_of(organization)
        if missing:
            yield rule.finding(
                f"{organization.name} ({organization.get_method_display().lower()}) lacks {' and '.join(missing)}.",
                at=organization,
                url=_register(engagement, "subservice"),
            )


def _missing_of(organization: SubserviceOrganization) -> list[str]:
    needed: dict[str, list[object]]
    if organization.method == SubserviceOrganization.Method.CARVE_OUT:
        needed = {
            "a complementary control (CSOC)": list(organization.complementary.all()),
            "a monitoring control": list(organization.monitoring.all()),
        }
    else:
        needed = {
            "its assertion": [organization.assertion_received_on and organization.assertion.strip()],
            "its representation letter": [organization.representation_received_on],
            "the firm's independence of it": [organization.independence_confirmed_on],
        }
    return [words for words, things in needed.items() if not any(things)]


# -- Registers --------------------------------------------------------------------------------


@rule(
    "R43",
    Severity.BLOCK,
    guards="issue",
    text="Every incident has a decision about its disclosure with a reason (DC4); an empty register has the "
    "client's statement and a source that the firm reviewed.",
)
def incidents_decided(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    incidents = incidents_of(engagement)
    if not incidents and not engagement.incidents_none_statement.strip():
        yield rule.finding(
            "No incident is recorded and the client has not stated that there was none.",
            url=_register(engagement, "incidents"),
            label="Incidents",
        )
    elif not incidents and no_incident_review_of(engagement) is None:
        yield rule.finding(
            "The client states that there was no incident; the firm has not recorded which source it reviewed.",
            url=_register(engagement, "incidents"),
            label="Incidents",
        )
    for incident in incidents:
        if incident.disclosed is None or not incident.reason.strip():
            yield rule.finding(
                f"Nobody has decided whether “{incident.title}” is disclosed.",
                at=incident,
                url=_register(engagement, "incidents"),
                label="Incidents",
            )


@rule(
    "R44",
    Severity.BLOCK,
    guards="issue",
    text="A Type 2 has the significant changes of its period, or a statement that there was none (DC9).",
)
def changes_stated(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    if not engagement.is_type_2 or engagement.changes_none_statement.strip():
        return
    if not changes_of(engagement):
        yield rule.finding(
            "No change is recorded and the client has not stated that there was none.",
            url=_register(engagement, "changes"),
            label="Changes",
        )


# -- The firm ---------------------------------------------------------------------------------


@rule(
    "R46",
    Severity.BLOCK,
    guards=("accept", "issue"),
    text="The firm's name, city and state are on record: the report is signed with them.",
)
def firm_on_record(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    office, _ = signer(engagement)
    url = reverse("accounts:firm")
    if not engagement.firm.legal_name.strip():
        yield rule.finding("The firm's name is not on record.", url=url, label="Firm")
    if office is None:
        yield rule.finding("The firm's city and state are not on record: it has no office.", url=url, label="Firm")
    elif office.closed_at is not None:
        yield rule.finding(
            f"The office that signs, {office}, is closed: choose another one.",
            url=_page("settings", engagement),
            label="Settings",
        )


@rule(
    "R46",
    Severity.WARN,
    guards="issue",
    text="The firm's licence, peer review and signing certificate are current.",
)
def firm_current(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    firm, today = engagement.firm, timezone.localdate()
    oldest = today - dt.timedelta(days=round(PEER_REVIEW_YEARS * 365.25))
    faults = []
    _, licence = signer(engagement)
    if licence is None or not licence.current(on=today):
        faults.append("the firm's licence is missing or has expired")
    certificate = SigningCertificate.objects.filter(firm=firm).first()
    if certificate is not None and certificate.days_left(at=timezone.now()) < 0:
        faults.append("its signing certificate has expired")
    if firm.peer_review_on is None or firm.peer_review_on < oldest:
        faults.append(f"its last peer review is not on record or older than {PEER_REVIEW_YEARS} years")
    if faults:
        words = " and ".join(faults)
        yield rule.finding(f"{words[0].upper()}{words[1:]}.", url=reverse("accounts:firm"), label="Firm")


# -- Dates ------------------------------------------------------------------------------------


@rule(
    "R47",
    Severity.BLOCK,
    guards=("record_test", "fieldwork", "reporting"),
    text="Acceptance comes first, then the engagement letter, then the first test.",
)
def letter_after_acceptance(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    accepted, letter = engagement.accepted_on, engagement.letter_on
    if accepted is None or (letter is not None and letter < accepted):
        yield rule.finding(
            "The engagement is not accepted before its letter.",
            url=_page("acceptance", engagement),
            label="Acceptance",
        )


@rule(
    "R56",
    Severity.WARN,
    guards="issue",
    text=f"The report is dated within {REPORT_WITHIN_DAYS} days of the end of the period.",
)
def report_in_time(rule: Rule, engagement: Engagement) -> Iterator[Finding]:
    day = engagement.report_date or timezone.localdate()
    days = (day - engagement.ends_on).days
    if days > REPORT_WITHIN_DAYS:
        yield rule.finding(f"{days} days lie between {engagement.ends_on:%d %b %Y} and the report.")
