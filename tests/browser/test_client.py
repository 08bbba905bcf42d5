"""The service organization's way: answering requests, describing the system, signing, responding."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from engagements.models import Engagement, Stage
from evidence import requests
from evidence.models import EvidenceFile
from fieldwork import deviations
from fieldwork.models import ManagementResponse
from reports import description
from reports.models import DescriptionSection, ManagementStatement, Part, SystemDescription
from reports.snapshot import parts_of
from tests import factories as f
from tests.browser.conftest import Sit
from tests.browser.desk import Desk
from tests.evidence import makers as evidence
from tests.fieldwork import makers as fieldwork
from tests.reports import makers as reports


def test_from_the_request_to_the_signed_assertion(jobs_at_once: None, sit: Sit, tmp_path: Path) -> None:
    engagement = reports.in_scope()
    who = f.people(engagement)
    f.at_stage(engagement, Stage.FIELDWORK)
    fieldwork.profile()
    owner, administrator, signatory = sit(who["owen"]), sit(who["carla"]), sit(who["sig"])
    _answer(owner, engagement, tmp_path)
    _respond(administrator, engagement)
    f.at_stage(engagement, Stage.REPORTING)
    _describe(administrator, engagement)
    _sign(signatory, engagement)


def _answer(desk: Desk, engagement: Engagement, folder: Path) -> None:
    page = desk.page
    asked = evidence.request(engagement, title="Disable logs of the leavers")
    desk.open("/")
    desk.look(narrow=True)
    desk.says("Disable logs of the leavers")
    desk.open(f"/engagements/{engagement.pk}/requests/")
    desk.look(narrow=True)
    page.get_by_role("link", name="Disable logs of the leavers").first.click()
    desk.look(narrow=True)
    good, other, bad = folder / "directory.txt", folder / "tickets.csv", folder / "report.pdf"
    good.write_text("disabled 2026-01-09 by owen\n")
    other.write_text("ticket,day\nOFF-1,2026-01-09\n")
    bad.write_bytes(b"this is no PDF")
    page.locator('.drop input[type="file"]').set_input_files([good, other, bad])
    # In parts, checked as a worker does, the list asked for anew: on a busy machine this takes its time.
    expect(page.locator("#files").get_by_role("link", name="tickets.csv")).to_be_visible(timeout=30_000)
    expect(page.locator("#files").get_by_role("link", name="directory.txt")).to_be_visible()
    expect(page.locator("#files [data-unfinished]")).to_contain_text("not that of a .pdf file", timeout=30_000)
    desk.says("report.pdf")
    expect(page.locator("form[data-upload]")).to_contain_text("PDF")
    assert set(EvidenceFile.objects.values_list("name", flat=True)) == {"directory.txt", "tickets.csv"}
    desk.look(narrow=True)
    desk.press("Submit to the auditor")
    expect(page.get_by_role("button", name="Submit to the auditor")).to_have_count(0)
    asked.refresh_from_db()
    assert asked.state == "submitted"

    requests.return_(asked, reason="The log ends in March: give the whole period.", by=f.people(engagement)["sana"])
    desk.open("/")
    desk.says("Disable logs of the leavers")
    desk.open(asked.get_absolute_url())
    desk.says("The log ends in March: give the whole period.")
    desk.look()
    whole = folder / "directory-whole.txt"
    whole.write_text("disabled 2026-06-30 by owen\n")
    page.locator('.drop input[type="file"]').set_input_files(whole)
    expect(page.locator("#files").get_by_role("link", name="directory-whole.txt")).to_be_visible()
    desk.press("Submit to the auditor")
    expect(page.get_by_role("button", name="Submit to the auditor")).to_have_count(0)
    asked.refresh_from_db()
    assert asked.state == "submitted"
    requests.accept(asked, by=f.people(engagement)["sana"])
    page.reload()
    desk.says("accepted")


def _respond(desk: Desk, engagement: Engagement) -> None:
    who = f.people(engagement)
    test = fieldwork.planned(engagement, fieldwork.control(engagement))
    deviation = fieldwork.evaluated(fieldwork.raised(test, fieldwork.worked(test, deviating=[(2, "B")])))
    desk.open(f"/engagements/{engagement.pk}/exceptions/")
    expect(desk.page.get_by_text(deviation.title)).to_have_count(0)
    deviations.release_to_client(deviation, by=who["milan"])
    desk.open("/")
    desk.says(deviation.code)
    desk.look()
    desk.open(deviation.get_absolute_url())
    desk.look(narrow=True)
    # The firm's evaluation is not for the client's eyes.
    expect(desk.page.get_by_text(deviation.evaluation)).to_have_count(0)
    desk.fill(text="The leaver form is sent on the same day since May.")
    desk.press("Send the response")
    desk.says("The leaver form is sent on the same day since May.")
    assert ManagementResponse.objects.get().by == who["carla"]
    # Out of the way of what follows: this journey has no opinion.
    deviations.conclude(deviation, effect=deviation.effect, softer_reason="Isolated.", by=who["petra"])


def _describe(desk: Desk, engagement: Engagement) -> None:
    page = desk.page
    desk.open(f"/engagements/{engagement.pk}/description/")
    desk.look()
    desk.press("Start the description")
    expect(page.get_by_role("heading", name="Parts")).to_be_visible()
    desk.look(narrow=True)
    first, *others = [part for part in parts_of(engagement) if part != Part.OTHER]
    for part in others:
        description.save_section(
            engagement, part, body=f"What {part.label.lower()} are.", version=0, by=f.people(engagement)["carla"]
        )
    desk.open(f"/engagements/{engagement.pk}/description/{first}/")
    editor = page.get_by_label("Text", exact=True)
    editor.fill("Northwind keeps **books** for small firms.\n\n<script>alert(1)</script>")
    preview = page.get_by_role("region", name="Preview")
    expect(preview.locator("strong")).to_have_text("books")
    expect(preview.locator("script")).to_have_count(0)
    editor.fill("Northwind keeps **books** for small firms.")
    expect(preview).not_to_contain_text("alert")
    desk.look(narrow=True)
    desk.press("Save")
    assert DescriptionSection.objects.get(part=first).body == "Northwind keeps **books** for small firms."
    desk.open(f"/engagements/{engagement.pk}/description/read/")
    desk.says("books")
    desk.look(narrow=True)
    desk.open(f"/engagements/{engagement.pk}/description/")
    desk.press("Complete the description")
    desk.says("Completed by Carla Nord")
    assert SystemDescription.objects.get().completed_at is not None


def _sign(desk: Desk, engagement: Engagement) -> None:
    page = desk.page
    desk.open("/")
    desk.look(narrow=True)
    desk.open(f"/engagements/{engagement.pk}/statements/")
    desk.look(narrow=True)
    desk.open(f"/engagements/{engagement.pk}/statements/assertion/")
    desk.look(narrow=True)
    desk.fill(basis="Self-tests each quarter.", signatory_name="Sigrid Vale", password="not my password")
    desk.fill(signatory_title="Chief executive officer")
    desk.press("Sign this text")
    expect(page.locator("main .error").filter(has_text="password").first).to_be_visible()
    assert not ManagementStatement.objects.exists()
    desk.look()
    desk.fill(password=f.PASSWORD)
    desk.press("Sign this text")
    desk.says("Read what was signed")
    signed = ManagementStatement.objects.get()
    assert (signed.kind, signed.signed_by.name) == ("assertion", "Sigrid Vale")
    desk.open(f"/engagements/{engagement.pk}/statements/signed/{signed.pk}/")
    desk.look(narrow=True)
