"""A token made in the browser and used by a program; the operators' area looked at."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.urls import reverse
from playwright.sync_api import expect

from accounts.models import ApiToken, User
from jobs.models import Job
from tests import factories as f
from tests.accounts.makers import verified, with_second_factor
from tests.browser.conftest import Sit
from tests.browser.desk import LIGHT, Desk

pytestmark = [pytest.mark.django_db(transaction=True)]
SHOTS = os.environ.get("SHOTS")


def shot(desk: Desk, name: str) -> None:
    if not SHOTS:
        return
    for scheme in ("light", "dark"):
        desk.ask("scheme => { document.documentElement.dataset.bsTheme = scheme; }", scheme)
        for width in (1440, 390):
            desk.page.set_viewport_size({"width": width, "height": 900})
            desk.page.wait_for_timeout(150)
            desk.page.screenshot(path=f"{SHOTS}/{name}-{scheme}-{width}.png", full_page=True)
    desk.page.set_viewport_size({"width": 1440, "height": 900})
    desk.ask(LIGHT)


@pytest.mark.drill
def test_a_token_is_made_used_and_ended(sit: Sit, live_server: Any) -> None:
    engagement = f.staffed()
    desk = sit(engagement.created_by)
    desk.open(reverse("accounts:account"))
    desk.follow("Make a token")
    shot(desk, "token_new")
    desk.look(narrow=True)
    desk.fill(name="CI of the ledger", networks="somewhere")
    desk.press("Make the token")
    desk.says("is no address or network")
    desk.fill(networks="127.0.0.0/8")
    desk.page.locator("select[name=engagement]").select_option(
        label=f"{engagement.number} {engagement.client.short}"
    )
    desk.press("Make the token")
    desk.says("Copy the token now.")
    shot(desk, "token_made")
    desk.look(narrow=True)
    secret = desk.page.locator("code.code").inner_text()
    assert re.fullmatch(r"attestry_[0-9a-f]{8}_[\w-]{43}", secret)
    program = desk.page.context.browser.new_context(base_url=live_server.url)  # type: ignore[union-attr]
    answer = program.request.get("/api/engagements/", headers={"Authorization": f"Bearer {secret}"})
    assert [one["number"] for one in answer.json()] == [engagement.number]
    desk.follow("I have copied it")
    desk.says("CI of the ledger", "last used")
    shot(desk, "account")
    desk.look(narrow=True)
    desk.page.get_by_role("button", name="End the token CI of the ledger").click()
    desk.press("End it")
    desk.says("lets in no more")
    assert program.request.get("/api/engagements/", headers={"Authorization": f"Bearer {secret}"}).status == 401
    program.close()
    assert ApiToken.objects.get().ended_at is not None


@pytest.mark.drill
def test_the_operators_area(sit: Sit, settings: Any) -> None:
    f.staffed()
    Job.objects.create(kind="reports.render", key="r", state=Job.State.FAILED, error="Timeout: it took too long")
    Job.objects.create(kind="evidence.lint", key="l", state=Job.State.DONE)
    opal = verified(f.person("opal", "Opal Root"))
    User.objects.filter(pk=opal.pk).update(is_staff=True)
    opal.refresh_from_db()
    desk = sit(opal)
    desk.page.goto(reverse("operators:overview"))
    desk.says("A second factor first")
    shot(desk, "second_factor")
    desk.look(narrow=True)
    key = next(one["value"] for one in desk.context.cookies() if one["name"] == settings.SESSION_COOKIE_NAME)
    session = SessionStore(key)
    with_second_factor(session, opal)
    session.save()
    for name in ("overview", "jobs", "people"):
        desk.open(reverse(f"operators:{name}"))
        shot(desk, f"operators_{name}")
        desk.look(narrow=True)
    desk.page.get_by_role("button", name="Deactivate Owen Pike").click()
    expect(desk.page.locator("dialog[open]")).to_contain_text("Owen Pike is signed out everywhere at once")
    shot(desk, "operators_dialog")
    desk.page.locator("dialog[open]").get_by_role("button", name="Deactivate").click()
    desk.says("Owen Pike can sign in no more")
    assert not User.objects.get(email="owen@example.com").is_active
