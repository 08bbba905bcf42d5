"""The reader's way: the link of an invitation, the terms, the stamped copy, and where it ends."""

from __future__ import annotations

import io
import re

import pypdfium2
from django.core import mail
from playwright.sync_api import expect

from distribution.models import Acceptance, AccessEvent, Grant
from tests import factories as f
from tests.browser.conftest import Sit
from tests.distribution import makers


def link_in_mail() -> str:
    """The path of the newest link that was sent."""
    found = re.findall(r"/read/[\w-]+/", str(mail.outbox[-1].body))
    return str(found[-1])


def test_from_the_invitation_to_the_stamped_copy(sit: Sit) -> None:
    engagement = makers.issued()
    client = sit(f.people(engagement)["carla"])
    client.open(f"/engagements/{engagement.pk}/distribution/")
    client.look(narrow=True)
    client.fill(text="Keep it to yourself.\n\nUse it for your own assessment only.")
    client.press("Publish")
    client.says("version 1")
    client.fill(name="Rita Reader", email="rita@prospect.example", company="Prospect Ltd")
    client.press("Send invitation")
    client.says("rita@prospect.example")
    client.look(narrow=True)
    assert mail.outbox[-1].to == ["rita@prospect.example"]
    link = link_in_mail()

    reader = sit()
    page = reader.page
    reader.open(link)
    reader.look(narrow=True)
    reader.press("Continue as Rita Reader")
    reader.says("Keep it to yourself.")
    reader.look(narrow=True)
    reader.press("I accept these terms")
    assert not Acceptance.objects.exists()
    reader.look(narrow=True)
    page.locator('[name="party_class"]').select_option(index=1)
    page.locator('[name="knows"]').check()
    reader.fill(typed_name="Rita Reader")
    reader.press("I accept these terms")
    expect(page.get_by_role("heading", name="Your copy")).to_be_visible()
    reader.look(narrow=True)
    assert Acceptance.objects.get().grant.email == "rita@prospect.example"

    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("Download the report")).click()
    pdf = pypdfium2.PdfDocument(io.BytesIO(download.value.path().read_bytes()))
    assert len(pdf) == 3
    for sheet in pdf:
        stamp = sheet.get_textpage().get_text_range()
        assert "Rita Reader" in stamp
        assert "rita@prospect.example" in stamp

    # The link worked once; somebody else who finds it gets nowhere.
    stranger = sit()
    stranger.page.goto(link)
    stranger.says("This refusal was recorded.")
    stranger.look(narrow=True)

    client.page.reload()
    client.says("terms accepted")
    client.look()
    client.press("Revoke")
    client.page.get_by_role("dialog").get_by_role("button").last.click()
    expect(client.page.get_by_role("button", name="Revoke", exact=True)).to_have_count(0)
    assert Grant.objects.get().revoked_at is not None
    page.goto("/read/")
    reader.look()
    expect(page.get_by_role("button", name=re.compile("Download the report"))).to_have_count(0)
    kinds = list(AccessEvent.objects.order_by("pk").values_list("kind", flat=True))
    assert {"accepted", "downloaded", "refused", "revoked"} <= set(kinds), kinds
