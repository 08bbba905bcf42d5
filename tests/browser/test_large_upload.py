"""250 MB from a browser whose connection breaks, whose page is closed, and which goes on from where it was."""

from __future__ import annotations

import hashlib
import random
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect
from pytest_django import Settings

from engagements.models import Stage
from evidence import staging
from evidence.models import EvidenceFile, Upload
from tests import factories as f
from tests.browser.conftest import Sit
from tests.evidence import makers

SIZE = 250 << 20


@pytest.mark.drill
@pytest.mark.browser
def test_interrupted_and_resumed(jobs_at_once: None, sit: Sit, settings: Settings, tmp_path: Path) -> None:
    settings.UPLOAD_STAGING = tmp_path / "staging"
    source = tmp_path / "export of the directory.zip"
    chance = random.Random(250)
    with zipfile.ZipFile(source, "w", zipfile.ZIP_STORED) as archive:
        for number in range(10):
            archive.writestr(f"part-{number}.bin", chance.randbytes(SIZE // 10))
    engagement = f.at_stage(f.accepted(), Stage.FIELDWORK)
    makers.request(engagement, title="The directory")
    desk = sit(f.people(engagement)["owen"])
    page = desk.page
    desk.open(f"/engagements/{engagement.pk}/requests/REQ-001/")
    choose = page.locator('.drop input[type="file"]')
    bar = page.locator(".upload-list progress")

    def until(share: float) -> None:
        page.wait_for_function(
            "share => { const bar = document.querySelector('.upload-list progress');"
            " return bar && bar.value / bar.max > share }",
            arg=share,
            timeout=240_000,
        )

    choose.set_input_files(source)
    until(0.2)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".upload-list .state")).to_have_text("paused")
    page.get_by_role("button", name="Go on").click()
    until(0.35)
    desk.context.set_offline(True)
    page.wait_for_timeout(1500)
    desk.context.set_offline(False)
    until(0.55)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    arrived = staging.offset(Upload.objects.get().token)
    assert arrived > SIZE // 3
    desk.says("On the way", "choose the same file again")
    desk.look(narrow=True)
    choose.set_input_files(source)
    expect(bar).to_be_visible()
    expect(page.locator("#files").get_by_role("link", name="E-001").first).to_be_visible(timeout=240_000)
    assert Upload.objects.count() == 1, "it went on, and did not begin again"
    with source.open("rb") as original:
        assert EvidenceFile.objects.get().sha256 == hashlib.file_digest(original, "sha256").hexdigest()
    # A connection that is away is noted by the browser, and that is right.
    desk.wrong = [line for line in desk.wrong if "ERR_INTERNET_DISCONNECTED" not in line]
