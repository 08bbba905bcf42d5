"""Three engagements of different standing, each walked through the product's own flows."""

from __future__ import annotations

import datetime as dt
import io
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import Firm, User
from accounts.templatetags.ui import as_day
from config.demo_data import listings, people, talk, texts, work
from config.demo_data.controls import OWN, TEXTS
from config.demo_data.findings import FINDINGS
from config.demo_data.work import Crew
from controls.models import Category, LibraryControl
from controls.notation import in_words
from distribution import agreements, granting, publishing, reading
from engagements import independence, registers, scope, workflow
from engagements.corroboration import review_no_incident
from engagements.models import Control, Engagement, EngagementMember, ReportingStep, Stage
from engagements.roles import confirm_independence
from evidence import comments, requests
from evidence.models import EvidenceFile, EvidenceRequest, Population
from fieldwork import deviations, notes, profiles
from fieldwork.models import ControlTest, Deviation, SamplingProfile
from jobs.models import Job
from reports import approving, description, drafting, general_use, issuing, letters, opinion, statements
from reports.models import Issuance, Report

Say = Callable[[str], object]
Wait = Callable[[], None]

READ_URL = "/read/TOKEN/"
PRIVACY_AND_PROCESSING = ("PRV-", "PIN-")
JOB_TIMEOUT = 600.0


def wait_for_workers() -> None:
    """Return when no job is unfinished. Raises RuntimeError when that takes too long."""
    deadline = time.monotonic() + JOB_TIMEOUT
    while Job.objects.unfinished().exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"Jobs are unfinished after {JOB_TIMEOUT:.0f} s: is a worker running?")
        time.sleep(0.2)


def build(*, say: Say, wait: Wait = wait_for_workers) -> None:
    """Make the firm and its three engagements. `wait` returns when the workers have done what was asked of them."""
    today = timezone.localdate()
    firm, team = people.make_firm(today)
    shipped = SamplingProfile.objects.get(firm=None, code="firm_default_proposal")
    profiles.approve(firm, shipped, by=team["marisol"])
    say("Lakeshore Ledger: a Type 2 from acceptance to its readers")
    issued_type_2(firm, team, today, wait)
    say("Tidewater Payroll: a Type 2 in fieldwork")
    tidewater = type_2_in_fieldwork(firm, team, today)
    say("Quillfeather Health: a Type 1 in reporting")
    quillfeather = type_1_in_reporting(firm, team, today, wait)
    people.advise((tidewater, quillfeather))


def _every(which: object) -> bool:
    return True


def _crew(team: dict[str, User], admin: User, owners: tuple[User, ...], signatory: User) -> Crew:
    return Crew(team["marisol"], team["jonah"], (team["tessa"], team["devon"]), admin, owners, signatory)


def _months_before(day: dt.date, months: int) -> dt.date:
    """First day of the month so many months before the day's own."""
    place = day.year * 12 + day.month - 1 - months
    return dt.date(place // 12, place % 12 + 1, 1)


def _in_scope(engagement: Engagement, crew: Crew, codes: list[str], *, own: bool) -> dict[str, Control]:
    """Choose controls, have the client word them and name their owners."""
    scope.add_from_library(engagement, codes, by=crew.manager)
    if own:
        for number, title, nature, frequency, criteria, kinds in OWN:
            scope.add_control(
                engagement,
                number=number,
                title=title,
                wording=TEXTS[number].wording,
                nature=nature,
                frequency=frequency,
                criteria=criteria,
                typical_test=in_words(f"{kinds}: {TEXTS[number].procedure}"),
                typical_evidence=f"Records of {title.lower()}",
                by=crew.manager,
            )
    for control in Control.objects.filter(engagement=engagement, number__in=codes):
        wording = work.text_of(control).wording
        if wording and wording != control.wording:
            scope.reword(control, title=control.title, wording=wording, by=crew.admin)
    controls = {control.number: control for control in Control.objects.in_scope().filter(engagement=engagement)}
    for place, control in enumerate(controls.values()):
        personnel = control.number.startswith(("HR-", "GOV-"))
        owner = crew.owners[-1] if personnel else crew.owners[place % len(crew.owners)]
        scope.set_owner(control, owner, by=crew.manager)
        control.refresh_from_db()
    return controls


def _codes(categories: list[str], *, without: tuple[str, ...] = PRIVACY_AND_PROCESSING) -> list[str]:
    found = LibraryControl.objects.filter(firm=None, criteria__category__in=categories).distinct()
    return [control.code for control in found if not control.code.startswith(without)]


def _registers(
    engagement: Engagement, crew: Crew, *, host: str, monitoring: list[str], categories: list[str], changes: bool
) -> None:
    for kind, name, what, inside, reason in texts.COMPONENTS:
        registers.add_component(
            engagement, kind=kind, name=name, description=what, in_boundary=inside, reason=reason, by=crew.admin
        )
    for kind, category, text, source in texts.COMMITMENTS:
        if category in categories:
            registers.add_commitment(
                engagement, kind=kind, category=category, text=text, source=source, by=crew.admin
            )
    subservice = registers.add_subservice(
        engagement,
        name=host,
        services="Data centres, networks and managed infrastructure services",
        method="carve_out",
        monitoring=monitoring,
        report_period_start=_months_before(engagement.ends_on, 13),
        report_period_end=_months_before(engagement.ends_on, 1) - dt.timedelta(days=1),
        by=crew.manager,
    )
    known = set(engagement.criteria().values_list("code", flat=True))
    for number, text, criteria in texts.CUECS:
        registers.add_cuec(engagement, number=number, text=text, criteria=criteria, by=crew.admin)
    for number, text, criteria in texts.CSOCS:
        if mapped := [code for code in criteria if code in known]:
            registers.add_csoc(engagement, subservice, number=number, text=text, criteria=mapped, by=crew.admin)
    if changes:
        for days, title, what in texts.CHANGES:
            registers.add_change(
                engagement,
                effective_on=engagement.ends_on - dt.timedelta(days=days),
                title=title,
                description=what,
                by=crew.admin,
            )


def _describe(engagement: Engagement, crew: Crew, written: dict[str, str]) -> None:
    description.start(engagement, by=crew.admin)
    for part, body in written.items():
        description.save_section(engagement, part, body=body, version=0, by=crew.admin)


# --- The issued Type 2


def issued_type_2(firm: Firm, team: dict[str, User], today: dt.date, wait: Wait) -> Engagement:
    """Twelve months, three categories, eighty controls, six exceptions, one of them qualifying a limb; with a reader."""
    client, cast = people.make_client(
        firm,
        "Lakeshore Ledger, Inc.",
        "Lakeshore Ledger",
        "lakeshore-ledger.example",
        people.LAKESHORE,
    )
    crew = _crew(team, cast["dana"], (cast["ravi"], cast["lena"]), cast["grace"])
    end = _months_before(today, 1) - dt.timedelta(days=1)
    start = _months_before(end, 11)
    categories = [Category.SECURITY.value, Category.AVAILABILITY.value, Category.CONFIDENTIALITY.value]
    engagement = workflow.open_engagement(
        client=client,
        number=f"{end.year}-0147",
        system_name="Ledger Cloud",
        type=Engagement.Type.TYPE_2,
        period_start=start,
        period_end=end,
        prior_period_end=start - dt.timedelta(days=1),
        categories=categories,
        report_due=today + dt.timedelta(days=6),
        by=crew.partner,
    )
    people.staff(engagement, team, cast, people.LAKESHORE)
    _accept(engagement, crew, start, texts.independence_of(start))
    controls = _in_scope(engagement, crew, _codes(categories), own=True)
    _registers(
        engagement,
        crew,
        host="Cumulus Hosting Corporation",
        monitoring=["PHY-02", "VND-02"],
        categories=categories,
        changes=True,
    )
    for incident in texts.INCIDENTS:
        fields = {name: value for name, value in incident.items() if name != "days_before_end"}
        day = end - dt.timedelta(days=incident["days_before_end"])
        registers.add_incident(engagement, occurred_on=day, by=crew.admin, **fields)
    _engage(engagement, crew, on=start - dt.timedelta(days=44))
    workflow.advance(engagement, Stage.OBSERVATION, by=crew.manager)
    workflow.advance(engagement, Stage.FIELDWORK, by=crew.manager)
    found = _populations(engagement, controls, crew, missing={"IAM-08": 1}, reconciled="IAM-06")
    _request_and_answer(engagement, controls, crew, today)
    planted = _test_everything(engagement, controls, found, crew)
    _test_targeted(controls["CHG-06"], found["CHG-06"], crew)
    for number, deviation in planted.items():
        finding = FINDINGS[number]
        work.evaluate(deviation, finding, crew)
        deviations.respond(deviation, text=texts.RESPONSES[number], by=crew.admin)
        deviations.conclude(deviation, effect=finding.effect, softer_reason=finding.softer_reason, by=crew.partner)
    _sign_everything(engagement, crew, team)
    _describe(engagement, crew, texts.LAKESHORE)
    _finish_report(engagement, crew, team, today, planted["IAM-06"], wait)
    _readers(engagement, crew)
    return engagement


def _weigh_independence(engagement: Engagement, crew: Crew, entries: dict[str, dict[str, Any]]) -> None:
    """What may touch the firm's independence: recorded by the manager, concluded on by the partner."""
    for kind in independence.KINDS:
        if kind not in entries:
            independence.state_none(engagement, kind, by=crew.manager)
            continue
        fields = dict(entries[kind])
        effect, conclusion = fields.pop("effect"), fields.pop("conclusion")
        entry = independence.enter(engagement, kind, by=crew.manager, **fields)
        independence.conclude(entry, effect=effect, conclusion=conclusion, by=crew.partner)


def _accept(
    engagement: Engagement, crew: Crew, start: dt.date, entries: dict[str, dict[str, Any]] | None = None
) -> None:
    _weigh_independence(engagement, crew, entries or {})
    workflow.accept(engagement, on=start - dt.timedelta(days=47), note=texts.ACCEPTANCE_NOTE, by=crew.partner)


def _engage(engagement: Engagement, crew: Crew, on: dt.date | None = None) -> None:
    """The engagement letter, drafted by the manager and signed by both: here, or on paper on an earlier day."""
    letter = letters.draft(engagement, fees=texts.FEES, by=crew.manager)
    if on is not None:
        engagement.refresh_from_db()
        names = {"for_client": crew.signatory.name, "for_firm": crew.partner.name}
        scan = listings.as_scan(letter.text, [f"Signed on {as_day(on)}: {name}" for name in names.values()])
        letters.record_elsewhere(
            engagement, file=io.BytesIO(scan), name="engagement-letter-signed.pdf", on=on, by=crew.manager, **names
        )
        return
    for by, title in ((crew.partner, "Partner"), (crew.signatory, "Chief Executive Officer")):
        letters.sign(
            letter, by=by, password=people.PASSWORD, title=title, agreed=True, seen_sha256=letter.content_sha256
        )


def _populations(
    engagement: Engagement,
    controls: dict[str, Control],
    crew: Crew,
    *,
    missing: dict[str, int] | None = None,
    accepted: Callable[[str], bool] = _every,
    provided: Callable[[str], bool] = _every,
    reconciled: str = "",
) -> dict[str, Population]:
    """The client provides listings, the auditor reconciles one and accepts them; by the control that is tested on each."""
    found: dict[str, Population] = {}
    for code in listings.SPECS:
        if code not in controls or not provided(code):
            continue
        sharing = [other for other, source in listings.SHARED.items() if source == code and other in controls]
        population = work.provide(
            engagement,
            code,
            [controls[number] for number in (code, *sharing)],
            crew,
            missing=(missing or {}).get(code, -1),
        )
        if accepted(code):
            if code == reconciled:
                work.reconcile_leavers(population, crew)
            population = work.accept(population, crew)
        for number in (code, *sharing):
            found[number] = population
    return found


def _request_and_answer(
    engagement: Engagement,
    controls: dict[str, Control],
    crew: Crew,
    today: dt.date,
    *,
    answered: Callable[[int], bool] = _every,
    decided: Callable[[int], bool] = _every,
) -> None:
    made = requests.make_from_controls(
        engagement,
        controls=list(controls.values()),
        due=today + dt.timedelta(days=5),
        assigned_to=crew.admin,
        by=crew.manager,
    )
    requests.open_requests(made, by=crew.manager)
    for place, request in enumerate(EvidenceRequest.objects.filter(engagement=engagement)):
        if not answered(place):
            requests.change_due(request, due=today + dt.timedelta(days=(place % 9) - 2), by=crew.manager)
            continue
        asked = Control.objects.filter(request_links__request=request).select_related("engagement")
        files = [
            work.evidence_for(control, engagement.ends_on - dt.timedelta(days=12 + place)) for control in asked
        ]
        work.answer(request, crew, files, (engagement.starts_on, engagement.ends_on))
        if decided(place):
            requests.accept(request, by=crew.preparers[place % 2])


def _evidence_of(control: Control) -> list[EvidenceFile]:
    return list(EvidenceFile.objects.filter(request__controls=control))


def _test_everything(
    engagement: Engagement, controls: dict[str, Control], found: dict[str, Population], crew: Crew
) -> dict[str, Deviation]:
    """Plan, sample, record and conclude the test of every control; returns the exceptions by control."""
    planted: dict[str, Deviation] = {}
    for place, (number, control) in enumerate(controls.items()):
        by = crew.preparers[place % 2]
        test = _plan(control, found.get(number), crew, by)
        if test.sample is None and number in found:
            work.conclude(
                test,
                by,
                "did_not_operate",
                "No occurrence in the period: the population, whose record was accepted, is empty.",
            )
            continue
        finding = FINDINGS.get(number)
        work.fill(test, _evidence_of(control), by, finding)
        if finding is not None:
            planted[number] = work.raise_finding(test, finding, crew, by)
        work.conclude(test, by, "exceptions" if finding else "no_exceptions")
    return dict(sorted(planted.items(), key=lambda item: item[1].code))


def _test_targeted(control: Control, population: Population, crew: Crew) -> None:
    """Beside the drawn sample a few items that the auditor wants to see."""
    by = crew.preparers[1]
    chosen = work.select(population, control, by, column="Repository", value="identity", most=3)
    test = work.plan(
        control,
        crew,
        by,
        sample=chosen,
        procedure="Besides, for the last changes to the identity repository, where a fault would reach every account, "
        "compared author and reviewer and read the planned change.",
    )
    work.fill(test, _evidence_of(control), by)
    work.conclude(test, by, "no_exceptions")


def _plan(control: Control, population: Population | None, crew: Crew, by: User) -> ControlTest:
    if population is None:
        label = f"{control.title}, as of {as_day(control.engagement.ends_on)}"
        return work.plan(control, crew, by, sample=None, items=[label])
    if population.row_count == 0:
        return work.plan(control, crew, by, sample=None)
    # Removing access failed in the prior period too: the profile's column for high risk.
    risk = "high" if control.number == "IAM-06" else "normal"
    return work.plan(control, crew, by, sample=work.draw(population, control, by, risk=risk))


def _sign_everything(engagement: Engagement, crew: Crew, team: dict[str, User]) -> None:
    for test in ControlTest.objects.filter(engagement=engagement).select_related("control"):
        by = test.assigned_to
        assert by is not None
        if test.control.number == "LOG-03":
            note = notes.raise_note(
                test, text="State how the time to triage was measured for alerts raised at night.", by=crew.manager
            )
            notes.answer(note, text="Measured from the alert's time stamp; the roster covers nights.", by=by)
            notes.clear(note, by=crew.manager)
        work.sign(test, crew, by, partner=test.control.number in FINDINGS)


def _finish_report(
    engagement: Engagement, crew: Crew, team: dict[str, User], today: dt.date, serious: Deviation, wait: Wait
) -> None:
    """From the end of fieldwork to the issued report."""
    workflow.advance(engagement, Stage.REPORTING, by=crew.manager)
    opinion.add_matter(
        engagement,
        title="Access of leavers",
        cause="operation",
        basis="Lakeshore states that access to in-scope systems is removed within one business day after a person "
        f"leaves (IAM-06). For 3 of the {serious.test.items.count()} leavers tested, access was removed between three and nine days late, or had "
        "not been removed nineteen days after the contract's end. The control therefore did not operate effectively "
        "throughout the period to meet criterion CC6.2.",
        limbs=["operating"],
        deviations=[serious],
        criteria=["CC6.2"],
        by=crew.partner,
    )
    opinion.set_report_date(engagement, date=today, by=crew.partner)
    for limb, conclusion in (("description", "unmodified"), ("design", "unmodified"), ("operating", "qualified")):
        opinion.form(engagement, limb, conclusion=conclusion, by=crew.partner)
    description.complete(engagement, by=crew.admin)
    _management_signs(
        engagement,
        crew,
        today,
        modifications="The control over removing access of leavers (IAM-06) did not operate effectively throughout the "
        "period to meet criterion CC6.2: for three leavers access was removed late or was not removed.",
        kinds=("assertion", "general_use", "representation", "subsequent_events"),
    )
    draft = _draft(engagement, crew, wait)
    drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=crew.manager)
    drafting.move_step(engagement, ReportingStep.QUALITY_REVIEW, by=crew.manager)
    wait()  # The draft is compared with the firm's other reports, which the reviewer is told of.
    drafting.complete_quality_review(
        engagement,
        significant_judgements="Qualification of the operating-effectiveness limb for CC6.2 only; compensating control "
        "for the missing access review; treatment of four controls that did not operate.",
        conclusion="The judgements are supported by the documentation, and the report follows from them.",
        by=team["harriet"],
    )
    drafting.move_step(engagement, ReportingStep.READY, by=crew.manager)
    # R03: independence is confirmed again before the report goes out.
    for member in EngagementMember.objects.filter(engagement=engagement).select_related("user", "engagement"):
        if member.of_firm:
            confirm_independence(member, by=member.user)
    approving.approve_issue(engagement, by=crew.manager, password=people.PASSWORD, draft=draft)
    issuing.issue(engagement, by=crew.partner, password=people.PASSWORD, draft=draft)
    wait()
    engagement.refresh_from_db()
    general_use.issue(engagement, by=crew.partner, password=people.PASSWORD)
    wait()


def _management_signs(
    engagement: Engagement,
    crew: Crew,
    today: dt.date,
    *,
    modifications: str = "",
    kinds: tuple[str, ...] = ("assertion", "representation", "subsequent_events"),
) -> None:
    for kind in kinds:
        statements.sign(
            engagement,
            kind,
            by=crew.signatory,
            password=people.PASSWORD,
            stated_on=today,
            signatory_name=crew.signatory.name,
            signatory_title="Chief Executive Officer",
            modifications=modifications if kind == "assertion" else "",
            basis=texts.ASSERTION_BASIS if kind == "assertion" else "",
        )


def _draft(engagement: Engagement, crew: Crew, wait: Wait) -> Report:
    draft = drafting.request_draft(engagement, by=crew.manager)
    wait()
    draft.refresh_from_db()
    if draft.state != Report.State.READY:
        raise RuntimeError(f"{draft} of {engagement} was not rendered: {draft.job and draft.job.error}")
    return draft


def _readers(engagement: Engagement, crew: Crew) -> None:
    """One reader who has accepted and downloaded, one who has not opened the invitation yet; everybody of the SOC 3."""
    if not Issuance.objects.filter(engagement=engagement, state=Issuance.State.CURRENT).exists():
        failed = Job.objects.filter(engagement_id=engagement.pk, state=Job.State.FAILED).first()
        raise RuntimeError(f"The report of {engagement} was not issued: {failed and failed.error}")
    publishing.publish(engagement, by=crew.admin)
    read_url = f"{settings.SITE_URL}{READ_URL}"
    agreement = agreements.publish(engagement, text=texts.NDA.format(company=engagement.client.name), by=crew.admin)
    reader = granting.invite(
        engagement,
        email="elena.marsh@harbor-pine.example",
        name="Elena Marsh",
        company="Harbor & Pine Builders",
        purpose="Yearly review of vendors that keep our books",
        by=crew.admin,
        read_url=read_url,
    )
    visitor = reading.Visitor(user_agent="Demo")
    reading.open_link(reader, visitor=visitor)
    reading.view_terms(reader, visitor=visitor)
    reading.accept(
        reader,
        agreement_sha256=agreement.sha256,
        party_class="user_entity",
        knows=True,
        typed_name="Elena Marsh",
        visitor=visitor,
    )
    reading.download(reader, visitor=visitor)
    granting.invite(
        engagement,
        email="tomasz.nowak@quarry-lane.example",
        name="Tomasz Nowak",
        company="Quarry Lane Advisors",
        purpose="Due diligence before signing",
        by=crew.admin,
        read_url=read_url,
        days=30,
    )


# --- The Type 2 in fieldwork


def type_2_in_fieldwork(firm: Firm, team: dict[str, User], today: dt.date) -> Engagement:
    """Six months, sixty controls, half tested: work waits for every role."""
    client, cast = people.make_client(
        firm,
        "Tidewater Payroll, Inc.",
        "Tidewater Payroll",
        "tidewater-payroll.example",
        people.TIDEWATER,
    )
    crew = _crew(team, cast["omar"], (cast["beth"],), cast["paul"])
    end = _months_before(today, 0) - dt.timedelta(days=1)
    start = _months_before(end, 5)
    categories = [Category.SECURITY.value, Category.AVAILABILITY.value]
    engagement = workflow.open_engagement(
        client=client,
        number=f"{end.year}-0163",
        system_name="Tidewater Pay",
        type=Engagement.Type.TYPE_2,
        period_start=start,
        period_end=end,
        prior_period_end=start - dt.timedelta(days=1),
        categories=categories,
        report_due=today + dt.timedelta(days=38),
        by=crew.partner,
    )
    people.staff(engagement, team, cast, people.TIDEWATER)
    _accept(engagement, crew, start)
    left_out = (*PRIVACY_AND_PROCESSING, "CON-", "GOV-08", "INC-04", "BCP-02", "COM-0")
    controls = _in_scope(engagement, crew, _codes(categories, without=left_out), own=False)
    _registers(
        engagement,
        crew,
        host="Northgrid Compute, LLC",
        monitoring=["PHY-02"],
        categories=categories,
        changes=False,
    )
    registers.add_incident(
        engagement,
        occurred_on=end - dt.timedelta(days=33),
        title="Pay slips delivered a day late",
        nature="A queue stopped after a certificate had expired; pay slips of 41 employers were delivered a day late.",
        failed_commitment=True,
        by=crew.admin,
    )
    _engage(engagement, crew, on=start - dt.timedelta(days=44))
    workflow.advance(engagement, Stage.OBSERVATION, by=crew.manager)
    workflow.advance(engagement, Stage.FIELDWORK, by=crew.manager)
    late = {"VUL-02", "LOG-03", "BCP-03", "AVL-02"}
    found = _populations(
        engagement,
        controls,
        crew,
        accepted=lambda code: code not in {"IAM-05", "CHG-06"},
        provided=lambda code: code not in late,
    )
    _request_and_answer(
        engagement,
        controls,
        crew,
        today,
        answered=lambda place: place % 4 != 3,
        decided=lambda place: place % 7 != 2,
    )
    returned = EvidenceRequest.objects.filter(engagement=engagement, state=EvidenceRequest.State.SUBMITTED).first()
    if returned is not None:
        requests.return_(
            returned,
            reason="The screenshot shows no date: take it again with the clock in view.",
            by=crew.preparers[0],
        )
    _talk(engagement, crew)
    _test_some(engagement, controls, found, crew)
    # As it stands now: the steps before moved its row on.
    engagement.refresh_from_db()
    talk.keep_request_list(firm, by=crew.manager)
    talk.talk_about_requests(engagement, crew)
    talk.read_scan(engagement, crew.preparers[0])
    _describe(engagement, crew, texts.TIDEWATER)
    return engagement


def _talk(engagement: Engagement, crew: Crew) -> None:
    """Questions and answers at requests: between both sides, and among the firm's people."""
    auditor, admin = crew.preparers[0], crew.admin
    first, second, third = EvidenceRequest.objects.filter(
        engagement=engagement, state=EvidenceRequest.State.OPEN
    ).select_related("engagement")[:3]
    comments.comment(
        first,
        text=f"@{admin.name} One export for the whole period is enough; please leave the filter of the report open.",
        by=auditor,
    )
    comments.comment(
        first, text=f"@{auditor.name} The system keeps ninety days. Is one export for each quarter fine?", by=admin
    )
    comments.comment(second, text=f"@{admin.name} The policy with its approval, please, not the draft.", by=auditor)
    comments.comment(
        third,
        text=f"@{crew.manager.name} Last year the list came without contractors: count them before accepting it.",
        by=auditor,
        internal=True,
    )


def _test_some(
    engagement: Engagement, controls: dict[str, Control], found: dict[str, Population], crew: Crew
) -> None:
    """Tests at every standing: planned, half done, concluded, prepared, returned, reviewed, with exceptions."""
    for place, (number, control) in enumerate(controls.items()):
        by = crew.preparers[place % 2]
        population = found.get(number)
        files = _evidence_of(control)
        usable = [file for file in files if file.request and file.request.state in {"submitted", "accepted"}]
        if place % 6 == 5 or (population is not None and population.state != Population.State.ACCEPTED):
            continue
        test = _plan(control, population, crew, by)
        if test.sample is None and population is not None:
            work.conclude(
                test, by, "did_not_operate", "No occurrence in the period; the accepted population is empty."
            )
            work.sign(test, crew, by, reviewed=place % 2 == 0)
        elif not usable:
            continue
        elif number in {"IAM-06", "CHG-01"}:
            _with_exception(test, number, usable, crew, by)
        elif test.sample is not None and test.sample.size > 8 and place % 3 == 0:
            work.fill(test, usable, by, most=test.sample.size // 2)
        else:
            work.fill(test, usable, by)
            work.conclude(test, by, "no_exceptions")
            _standing(test, place, crew, by)


def _with_exception(test: ControlTest, number: str, files: list[EvidenceFile], crew: Crew, by: User) -> None:
    size = test.sample.size if test.sample is not None else 1
    found = FINDINGS[number]
    # Two of them were found apart, and are of one cause.
    both = number == "IAM-06" and len(found.items) > 1 and found.items[1] <= size
    items = tuple(place for place in found.items if place <= size)[: 2 if both else 1] or (1,)
    seen = "; ".join(f"{note[0].lower()}{note[1:].rstrip('.')}" for note in found.notes[: len(items)])
    finding = found._replace(
        items=items,
        notes=found.notes[: len(items)],
        description=f"For {len(items)} of the {size} items tested: {seen}.",
        effect="control_effective",
        type="isolated",
        failed=(),
        cause="The person responsible was away and the deputy was not told.",
        extent=f"{len(items)} of {size} items.",
        evaluation="No more; the population was searched for others of the kind and none was found.",
    )
    work.fill(test, files, by, finding)
    deviation = work.raise_apart(test, finding, crew, by) if both else work.raise_finding(test, finding, crew, by)
    work.conclude(test, by, "exceptions")
    if number == "IAM-06":
        work.evaluate(deviation, finding, crew)
    work.sign(test, crew, by, reviewed=False)


def _standing(test: ControlTest, place: int, crew: Crew, by: User) -> None:
    if place % 5 == 1:
        return
    work.sign(test, crew, by, reviewed=place % 5 in {0, 3})
    if place % 5 == 4:
        notes.raise_note(test, text="Name the report from which the figure in row 3 was taken.", by=crew.manager)


# --- The Type 1 in reporting


def type_1_in_reporting(firm: Firm, team: dict[str, User], today: dt.date, wait: Wait) -> Engagement:
    """A first report as of a date: concluded on, waiting for the quality review and the representation letter."""
    client, cast = people.make_client(
        firm,
        "Quillfeather Health, Inc.",
        "Quillfeather",
        "quillfeather.example",
        people.QUILLFEATHER,
    )
    crew = _crew(team, cast["ines"], (cast["theo"],), cast["noah"])
    as_of = _months_before(today, 0) - dt.timedelta(days=1)
    engagement = workflow.open_engagement(
        client=client,
        number=f"{as_of.year}-0171",
        system_name="Quill Notes",
        type=Engagement.Type.TYPE_1,
        as_of=as_of,
        categories=[Category.SECURITY.value],
        report_due=today + dt.timedelta(days=17),
        by=crew.partner,
    )
    people.staff(engagement, team, cast, people.QUILLFEATHER)
    _accept(engagement, crew, as_of - dt.timedelta(days=60))
    wanted = [code for code in _codes(["security"]) if not code.startswith(("BCP-05", "AVL-", "CON-02", "PHY-01"))]
    controls = _in_scope(engagement, crew, wanted, own=False)
    _registers(
        engagement,
        crew,
        host="Northgrid Compute, LLC",
        monitoring=["PHY-02"],
        categories=["security"],
        changes=False,
    )
    registers.state_no_incident(engagement, statement=texts.NO_INCIDENT, by=crew.admin)
    _engage(engagement, crew)
    workflow.advance(engagement, Stage.FIELDWORK, by=crew.manager)
    review_no_incident(
        engagement, statement=texts.NO_INCIDENT, source=texts.NO_INCIDENT_SOURCE, by=crew.preparers[0]
    )
    _request_and_answer(engagement, controls, crew, today)
    for place, control in enumerate(controls.values()):
        by = crew.preparers[place % 2]
        test = work.plan(control, crew, by, sample=None, items=[f"{control.title}: one instance walked through"])
        work.fill(test, _evidence_of(control), by)
        work.conclude(test, by, "no_exceptions")
        work.sign(test, crew, by)
    _describe(engagement, crew, texts.QUILLFEATHER)
    description.complete(engagement, by=crew.admin)
    workflow.advance(engagement, Stage.REPORTING, by=crew.manager)
    opinion.set_report_date(engagement, date=today, by=crew.partner)
    for limb in ("description", "design"):
        opinion.form(engagement, limb, conclusion="unmodified", by=crew.partner)
    _management_signs(engagement, crew, today, kinds=("assertion", "subsequent_events"))
    shown = _draft(engagement, crew, wait)
    drafting.move_step(engagement, ReportingStep.CLIENT_REVIEW, by=crew.manager)
    shown = type(shown).objects.get(pk=shown.pk)
    talk.review_draft(shown, crew)
    talk.put_in_own_words(firm, crew)
    _draft(engagement, crew, wait)
    drafting.move_step(engagement, ReportingStep.QUALITY_REVIEW, by=crew.manager)
    return engagement
