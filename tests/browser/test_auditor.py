"""The firm's way through an examination, from opening it to the issued report, by mouse and keyboard."""

from __future__ import annotations

import datetime as dt
import io
import re

import pypdfium2
from allauth.account.models import EmailAddress
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import ClientMember, FirmMember, User
from audit.models import Event
from engagements import registers, scope
from engagements.corroboration import review_no_incident
from engagements.models import Control, Engagement, EngagementMember, Role, SubserviceOrganization
from engagements.roles import confirm_independence, set_role
from evidence import requests
from evidence.models import EvidenceRequest
from fieldwork import deviations
from fieldwork.models import ControlTest, Deviation, ItemResult, Sample, SignOff
from jobs.running import run
from reports.models import Issuance, Limb, ManagementStatement, Report
from tests import factories as f
from tests.browser.conftest import Sit
from tests.browser.desk import Desk
from tests.engagements import makers
from tests.evidence import makers as evidence
from tests.fieldwork import makers as fieldwork
from tests.reports import makers as reports

LATER = (timezone.localdate() + dt.timedelta(days=9)).isoformat()


def test_from_a_new_engagement_to_the_issued_report(sit: Sit) -> None:
    petra = f.partner_of(f.firm(), "petra", "Petra Alder")
    EmailAddress.objects.create(user=petra, email=petra.email, verified=True, primary=True)
    partner = sit()
    engagement = _open(partner, petra)
    _staff(engagement)
    who = f.people(engagement)
    _scope(partner, engagement)
    _prepare_scope(engagement, who)
    _move(partner, engagement, "fieldwork")
    staff = sit(who["sana"])
    manager = sit(who["milan"])
    _request(staff, engagement)
    test = _sample_and_plan(staff, engagement)
    _work_the_sheet(staff, test)
    _review(manager, test)
    _exception(manager, partner, engagement)
    _prepare_report(engagement, who)
    _move(partner, engagement, "reporting")
    _conclude(partner, engagement)
    for kind in ManagementStatement.Kind:
        reports.sign(engagement, kind)
    _draft(manager, engagement)
    _quality_review(sit(who["quinn"]), manager, engagement)
    _issue(partner, engagement)


def _open(desk: Desk, petra: User) -> Engagement:
    desk.open("/")
    desk.look(narrow=True)
    desk.fill(login=petra.email, password=f.PASSWORD)
    desk.press("Sign in")
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Nothing waits for you")
    desk.look(narrow=True)
    desk.open("/engagements/")
    desk.follow("Open an engagement")
    desk.fill(new_client="Northwind Books, Inc.", system_name="Northwind Ledger", number="2026-0901")
    desk.fill(period_start="2025-10-01", period_end="2026-09-30")
    desk.look(narrow=True)
    desk.press("Open the engagement")
    desk.says("The engagement is open. Decide about its acceptance next.")
    desk.press("I am independent")
    desk.press("The firm gives the client no other service")
    desk.press("The firm has no relation to the provider of a tool in use")
    desk.fill(on="2025-09-01", note="Known client, competent team, independent.")
    desk.look()
    desk.press("Accept the engagement")
    desk.says("The engagement is accepted.")
    desk.follow("It was signed elsewhere")
    desk.fill(on="2025-09-10", for_client="Sigrid Vale", for_firm="Petra Alder")
    desk.page.set_input_files(
        "input[type=file]", {"name": "letter.pdf", "mimeType": "application/pdf", "buffer": reports.a_pdf()}
    )
    desk.look()
    desk.press("Record the signed copy")
    desk.says("It is recorded, and in force.")
    engagement = Engagement.objects.get()
    assert (engagement.stage, engagement.accepted_by, engagement.letter_on) == (
        "scoping",
        petra,
        dt.date(2025, 9, 10),
    )
    return engagement


def _staff(engagement: Engagement) -> None:
    petra = engagement.created_by
    for key, (name, role) in (f.FIRM_TEAM | f.CLIENT_TEAM).items():
        if role == Role.PARTNER:
            continue
        user = f.person(key, name)
        if role.of_firm:
            FirmMember.objects.create(firm=engagement.firm, user=user)
        else:
            ClientMember.objects.create(organization=engagement.client, user=user)
        set_role(engagement, user, role, by=petra)
        if role.of_firm:
            confirm_independence(EngagementMember.objects.get(engagement=engagement, user=user), by=user)


def _scope(desk: Desk, engagement: Engagement) -> None:
    page = desk.page
    desk.open(f"/engagements/{engagement.pk}/controls/library/")
    page.get_by_label("Search the library").fill("IAM-06")
    page.get_by_role("checkbox", name=re.compile("Select IAM-06")).check()
    desk.look()
    desk.press("Add the selected controls")
    desk.says("1 control added to the scope.")
    page.get_by_role("link", name="IAM-06", exact=True).click()
    desk.look(narrow=True)
    desk.open(f"/engagements/{engagement.pk}/controls/IAM-06/mapping/")
    desk.pick("criteria", "CC6.1")
    desk.look()
    desk.press("Save")
    desk.says("CC6.1")
    control = Control.objects.get(engagement=engagement)
    assert "CC6.1" in control.mappings.values_list("criterion_id", flat=True)

    desk.open(f"/engagements/{engagement.pk}/scope/")
    desk.look(narrow=True)
    desk.open(f"/engagements/{engagement.pk}/scope/subservice/add/")
    desk.fill(name="Cumulus Hosting", services="Hosting of the platform in two regions")
    page.locator('[name="method"]').select_option("carve_out")
    desk.pick("monitoring", "IAM-06")
    desk.look()
    desk.press("Save")
    desk.says("Cumulus Hosting")
    desk.look()


def _prepare_scope(engagement: Engagement, who: dict[str, User]) -> None:
    """What the browser does not show once more: a control for all other criteria, the rest of the registers."""
    petra, carla = who["petra"], who["carla"]
    scope.add_control(
        engagement,
        number="GOV-01",
        title="Leadership reviews risks, controls and their owners",
        wording="Leadership reviews risks, controls and their owners each quarter.",
        nature="M",
        frequency="E",
        criteria=[criterion.code for criterion in engagement.criteria()],
        by=petra,
    )
    host = SubserviceOrganization.objects.get(engagement=engagement)
    makers.complementary(engagement, host, by=carla)
    registers.add_commitment(
        engagement,
        kind="commitment",
        category="security",
        text="Data are encrypted at rest.",
        source="Master services agreement, 4.2",
        by=carla,
    )
    registers.state_no_incident(engagement, statement="The incident log holds none.", by=carla)
    review_no_incident(
        engagement,
        statement="The incident log holds none.",
        source="Export of the incident log for the period, read in full.",
        by=petra,
    )
    registers.state_no_change(engagement, statement="No significant change was made.", by=carla)


def _move(desk: Desk, engagement: Engagement, to: str) -> None:
    desk.open(f"/engagements/{engagement.pk}/stage/{to}/")
    desk.look()
    desk.press(f"Move to {to}")
    expect(desk.page).to_have_url(f"{desk.site}/engagements/{engagement.pk}/")
    desk.look(narrow=True)
    engagement.refresh_from_db()
    assert engagement.stage == to


def _request(desk: Desk, engagement: Engagement) -> None:
    page = desk.page
    desk.open(f"/engagements/{engagement.pk}/requests/")
    desk.look()
    desk.open(f"/engagements/{engagement.pk}/requests/new/")
    desk.fill(title="Leavers of the period and their tickets", due=LATER)
    desk.pick("controls", "IAM-06")
    desk.pick("assigned_to", "Owen Pike")
    desk.look()
    desk.press("Open to the client")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Leavers of the period")
    asked = EvidenceRequest.objects.get()
    assert (asked.state, asked.assigned_to and asked.assigned_to.name) == ("open", "Owen Pike")
    evidence.upload(asked)
    requests.submit(asked, by=f.people(engagement)["owen"])
    page.reload()
    desk.look(narrow=True)
    desk.press("Accept")
    expect(page.get_by_role("button", name="Accept", exact=True)).to_have_count(0)
    asked.refresh_from_db()
    assert asked.state == "accepted"


def _sample_and_plan(desk: Desk, engagement: Engagement) -> ControlTest:
    page = desk.page
    fieldwork.profile()
    control = Control.objects.get(engagement=engagement, number="IAM-06")
    population = fieldwork.provided(engagement, control, count=6)
    desk.open(f"/engagements/{engagement.pk}/populations/{population.pk}/")
    desk.fill(conclusion="Agreed to the HR system's count; the query was seen.")
    page.get_by_label("It is precise enough for the test").check()
    desk.look(narrow=True)
    desk.press("Accept")
    expect(page.get_by_role("button", name="Accept", exact=True)).to_have_count(0)
    population.refresh_from_db()
    assert population.state == "accepted"

    desk.open(f"/engagements/{engagement.pk}/samples/draw/{population.pk}/IAM-06/")
    desk.look()
    desk.press("Draw the sample")
    expect(page.get_by_role("heading", name="How it was drawn")).to_be_visible()
    desk.look(narrow=True)
    sample = Sample.objects.get()
    assert sample.population_sha256 == population.sha256

    desk.open(f"/engagements/{engagement.pk}/testing/plan/IAM-06/")
    page.get_by_label("Inspection", exact=True).check()
    desk.fill(procedure="Inspected tickets and directory logs of the leavers selected.")
    desk.fill(
        attributes="Ticket: A ticket was raised on or before the last day.\nDisabled: Disabled within one day."
    )
    page.locator('[name="sample"]').select_option(str(sample.pk))
    desk.look()
    desk.press("Plan the test")
    expect(page.get_by_role("grid")).to_be_visible()
    return ControlTest.objects.get()


def _work_the_sheet(desk: Desk, test: ControlTest) -> None:
    page = desk.page
    items = Sample.objects.get().size
    cells = page.locator("td[data-attribute]")
    expect(cells).to_have_count(items * 2)
    desk.look(narrow=True)
    # Evidence first: each column rests on the file that its first cell cites.
    for column in (0, 1):
        _cite(desk, column)
    desk.look()
    cells.nth(0).click()
    for _ in range(items):
        page.keyboard.press("p")
    expect(page.locator("td[data-attribute][data-value='pass']")).to_have_count(items)
    cells.nth(1).click()
    page.keyboard.press("d")
    page.keyboard.type("Disabled nine days after leaving")
    page.keyboard.press("Enter")
    expect(cells.nth(1)).to_have_attribute("data-value", "deviation")
    # A deviation says where in the evidence it stands.
    _cite(desk, 1, "row 2")
    cells.nth(3).click()
    page.keyboard.press("n")
    for position in range(2, items):
        cells.nth(position * 2 + 1).click()
        page.keyboard.press("p")
    expect(page.locator("[data-sheet-status]")).to_contain_text("aved")
    expect(page.get_by_role("link", name="Raise 1 deviation")).to_be_visible()
    found = ItemResult.objects.filter(item__test=test)
    assert sorted(found.values_list("outcome", flat=True)) == ["d", "n", *["p"] * (items * 2 - 2)]
    assert found.get(outcome="d").note == "Disabled nine days after leaving"
    assert not found.filter(citation=None).exists()
    desk.look()

    desk.follow("Raise 1 deviation")
    desk.fill(title="Access removed late", description="One leaver kept access for nine days.")
    desk.look(narrow=True)
    desk.press("Raise the exception")
    desk.open(test.get_absolute_url())
    desk.follow("Conclude")
    page.get_by_label("Exceptions noted", exact=True).check()
    desk.look(narrow=True)
    desk.press("Conclude")
    page.get_by_role("button", name="Sign", exact=True).click()
    desk.says("You signed IAM-06.1 as prepared.")
    assert SignOff.objects.get(test=test).step == "prepared"
    # Nobody reviews their own work: the button is not there for the person who prepared it.
    expect(page.get_by_role("button", name="Sign", exact=True)).to_have_count(0)


def _cite(desk: Desk, cell: int, place: str = "") -> None:
    desk.page.locator("td[data-attribute]").nth(cell).click()
    desk.page.keyboard.press("e")
    dialog = desk.page.locator("#cite")
    dialog.get_by_role("radio").first.check()
    dialog.get_by_label("Where in it").fill(place)
    dialog.get_by_role("button", name="Cite", exact=True).click()


def _review(desk: Desk, test: ControlTest) -> None:
    desk.open("/")
    desk.says("IAM-06")
    desk.look(narrow=True)
    desk.open(test.get_absolute_url())
    desk.look()
    desk.press("Sign")
    expect(desk.page.get_by_role("button", name="Sign", exact=True)).to_have_count(0)
    signed = dict(SignOff.objects.filter(test=test).values_list("step", "by__name"))
    assert signed == {"prepared": "Sana Wolfe", "reviewed": "Milan Finch"}


def _exception(manager: Desk, partner: Desk, engagement: Engagement) -> None:
    deviation = Deviation.objects.get()
    manager.open(deviation.get_absolute_url())
    manager.look(narrow=True)
    manager.follow("Evaluate")
    manager.fill(
        cause="The leaver form came late from the department.",
        extent="One of the items tested.",
        evaluation="The account was not used after the last day.",
    )
    manager.page.get_by_label("Isolated").first.check()
    manager.page.locator('[name="effect"][value="control_effective"]').check()
    manager.look(narrow=True)
    manager.press("Save the evaluation")
    manager.page.get_by_role("link", name="Release to the client").click()
    manager.look()
    manager.press("Release")
    manager.says("The client has not answered yet.")

    partner.open(deviation.get_absolute_url())
    partner.follow("Conclude")
    partner.page.locator('[name="effect"][value="control_effective"]').check()
    partner.fill(softer_reason="The account was disabled at the identity provider on the last day.")
    partner.look()
    partner.press("Conclude")
    partner.says("Concluded")
    deviation.refresh_from_db()
    assert (deviation.state, deviation.concluded_by) == ("concluded", engagement.created_by)


def _prepare_report(engagement: Engagement, who: dict[str, User]) -> None:
    """The other control tested and signed, management's answer, the description complete."""
    engagement.refresh_from_db()
    other = Control.objects.get(engagement=engagement, number="GOV-01")
    fieldwork.signed(fieldwork.concluded(engagement, a_control=other))
    deviations.respond(Deviation.objects.get(), text="The form is sent on the same day now.", by=who["carla"])
    reports.described(engagement)


def _conclude(desk: Desk, engagement: Engagement) -> None:
    page = desk.page
    desk.open(f"/engagements/{engagement.pk}/opinion/")
    desk.look(narrow=True)
    for done, limb in enumerate(Limb, 1):
        form = page.locator(f'form[action$="/opinion/{limb.value}/"]')
        form.get_by_label("Your conclusion").select_option("unmodified")
        form.get_by_role("button").click()
        expect(page.get_by_text("Conclude anew")).to_have_count(done)
    page.get_by_label("Report date").fill(timezone.localdate().isoformat())
    desk.press("Set the date")
    expect(page.get_by_role("button", name="Change the date")).to_be_visible()
    desk.look()
    engagement.refresh_from_db()
    assert engagement.report_date == timezone.localdate()


def _draft(desk: Desk, engagement: Engagement) -> None:
    page = desk.page
    desk.open(f"/engagements/{engagement.pk}/report/")
    desk.look(narrow=True)
    desk.press("Render a draft")
    expect(page.get_by_text("Waiting for a free worker").first).to_be_visible()
    desk.look()
    draft = Report.objects.get()
    assert draft.job_id is not None
    run(draft.job_id)
    draft.refresh_from_db()
    assert draft.state == "ready", draft.job and draft.job.error
    # The page asks by itself, and is loaded anew when the work is done.
    page.get_by_role("link", name="Read draft 1").first.click()
    expect(page.get_by_role("img", name=re.compile("Page 1 of"))).to_be_visible()
    desk.look(narrow=True)
    desk.open(f"/engagements/{engagement.pk}/report/")
    desk.press("On to client review")
    desk.press("On to quality review")
    # Nobody of the client has read it: that is asked about, not passed over.
    expect(page.locator("#ask-text")).to_contain_text("Nobody of the client has said yet")
    desk.press("Go on")


def _quality_review(desk: Desk, manager: Desk, engagement: Engagement) -> None:
    desk.open(f"/engagements/{engagement.pk}/report/")
    reports.compared(engagement)
    desk.fill(significant_judgements="The late removal is isolated.", conclusion="I agree.")
    desk.look()
    desk.press("Complete the review")
    desk.says("of the newest draft")
    manager.open(f"/engagements/{engagement.pk}/report/")
    manager.page.get_by_role("button", name="Declare it ready").click()
    manager.says("Nothing stands in the way of issuing.")


def _issue(desk: Desk, engagement: Engagement) -> None:
    page = desk.page
    desk.open(f"/engagements/{engagement.pk}/report/")
    desk.press("Issue the report")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your password").fill(f.PASSWORD)
    dialog.locator('[name="confirm"]').fill("issue")
    desk.look()
    dialog.get_by_role("button", name="Issue the report").click()
    expect(page.get_by_text("Rendering the final report").first).to_be_visible()
    issuance = Issuance.objects.get()
    assert issuance.job_id is not None
    run(issuance.job_id)
    # The page loads itself anew when the work is done.
    expect(page.get_by_role("link", name="Download the PDF")).to_be_visible()
    desk.look(narrow=True)
    with page.expect_download() as download:
        desk.follow("Download the PDF")
    pdf = pypdfium2.PdfDocument(io.BytesIO(download.value.path().read_bytes()))
    text = "\n".join(page.get_textpage().get_text_range() for page in pdf)
    assert "Northwind Books, Inc." in text
    assert "Access removed late" in text
    engagement.refresh_from_db()
    assert (engagement.stage, engagement.frozen) == ("issued", True)
    assert Event.objects.filter(engagement_id=engagement.pk, action="report.issued").count() == 1
