"""A person at a browser: signed in, clicking and typing, with everything noted that should not happen."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from accounts.models import User

WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
BACKEND = "django.contrib.auth.backends.ModelBackend"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
GRAVE = ("serious", "critical")
# Milliseconds for whatever a page is asked: one that runs no scripts (a sandbox) or is stuck never answers.
PATIENCE = 60_000
# A refused form answers 422 and a frozen engagement 409: Chromium notes every such answer, and it is no error.
ANSWERS = re.compile(r"Failed to load resource: the server responded with a status of 4(03|04|09|10|22)\b")
# Only what is told on: all that axe knows of a page is a megabyte.
RUN_AXE = """async (options) => (await axe.run(options)).violations.map(
  ({id, impact, nodes}) => ({id, impact, nodes: nodes.slice(0, 3).map(({target, html}) => ({target, html}))})
)"""

# Of which elements a page is made: what each is called, looks like and says of itself, whether it holds words, and
# in what it stands. The words themselves make no difference to axe.
MADE_OF = """() => {
  const seen = new Set();
  for (const one of document.querySelectorAll('body, body *')) {
    // Not `attributes`, which a form's field of that name takes the place of.
    const said = one.getAttributeNames().filter(name => !['href', 'id', 'value', 'd', 'for', 'src'].includes(name))
      .map(name => /^(class|role|type|aria-(hidden|expanded|pressed|current|selected))$/.test(name)
        ? `${name}=${one.getAttribute(name)}` : name);
    const words = one.textContent.trim() ? 'words' : 'empty';
    const named = one.labels ? one.labels.length : '';
    seen.add([one.parentElement?.className, one.tagName, words, named, ...said.sort()].join(' '));
  }
  return [...seen].sort().join('\\n');
}"""

# What sticks out to the right of the window, apart from what scrolls in a box of its own.
STICKING_OUT = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > wide + 1)
    .slice(0, 4).map(one => one.outerHTML.slice(0, 120));
}"""

# Cells of a table that a style for something else has made into blocks: the columns beside them are off by one.
NO_CELLS = """() => [...document.querySelectorAll('main thead:not(.visually-hidden) th')].filter(one =>
  one.checkVisibility() && getComputedStyle(one).display !== 'table-cell').slice(0, 4).map(one => one.outerHTML)"""

# Colours pass over to their new value in a moment, which axe must not see.
DARK = """async () => {
  document.documentElement.dataset.bsTheme = 'dark';
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
}"""
LIGHT = "() => { document.documentElement.dataset.bsTheme = 'light'; }"


class Desk:
    """`page` is Playwright's; `wrong` is what the browser complained of on any page so far."""

    # Pages that axe has looked at in this run; one made of the same elements tells it nothing new.
    looked_at: ClassVar[set[str]] = set()

    def __init__(self, browser: Browser, site: str, user: User | None = None, **context: Any) -> None:
        self.site = site
        self.context: BrowserContext = browser.new_context(
            base_url=site, viewport=WIDE, reduced_motion="reduce", accept_downloads=True, **context
        )
        self.context.set_default_timeout(15_000)
        if user is not None:
            client = Client()
            client.force_login(user, backend=BACKEND)
            session = client.cookies[settings.SESSION_COOKIE_NAME].value
            self.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
        self.wrong: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.wrong.append(f"{self.page.url}: {error}"))

    def _note(self, message: ConsoleMessage) -> None:
        # A violation of the content security policy is an error of the console too.
        if message.type == "error" and not ANSWERS.match(message.text):
            self.wrong.append(f"{self.page.url}: {message.text}")

    # -- Doing ----------------------------------------------------------------------------------

    def open(self, path: str) -> Page:
        response = self.page.goto(path)
        assert response is not None
        assert response.status == 200, f"{path}: {response.status}"
        return self.page

    def fill(self, **values: str) -> None:
        """Type into the fields with these names."""
        for name, value in values.items():
            self.page.locator(f'[name="{name}"]:visible').first.fill(value)

    def press(self, name: str) -> None:
        """Press the button that says this."""
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def follow(self, name: str) -> None:
        """Follow the link that says this."""
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def pick(self, field: str, *words: str) -> None:
        """Choose from a searchable list by typing."""
        control = self.page.locator(f'select[name="{field}"] + .ts-wrapper')
        for word in words:
            control.locator("input").first.click()
            control.locator("input").first.fill(word)
            # The list is narrowed a moment after the last key.
            expect(control.locator(".option.active")).to_contain_text(word)
            self.page.keyboard.press("Enter")
            expect(control.locator(".item").filter(has_text=word)).to_be_visible()
        self.page.wait_for_timeout(400)
        self.page.keyboard.press("Escape")
        expect(control.locator(".ts-dropdown")).to_be_hidden()

    # -- Looking --------------------------------------------------------------------------------

    def says(self, *texts: str) -> None:
        for text in texts:
            expect(self.page.get_by_text(text).first).to_be_visible()

    def ask(self, function: str, arg: object = None) -> Any:
        """What this function of JavaScript answers on the page. Unlike with `page.evaluate`, the end of patience
        is kept outside the page, where it comes whatever the page does."""
        wrapped = f"async arg => ({{answer: await ({function})(arg)}})"
        try:
            answered = self.page.wait_for_function(wrapped, arg=arg, timeout=PATIENCE)
        except PlaywrightTimeout as error:
            raise AssertionError(f"{self.page.url} gave no answer to {function[:80]}") from error
        return answered.json_value()["answer"]

    def look(self, *, narrow: bool = False) -> None:
        """Note what axe finds on the page as it stands, in light; if `narrow`, what is cut off as well.
        In dark, pages are for `make drill` (test_every_page.py)."""
        self.wrong += self.faults(dark=False)
        if narrow:
            self.wrong += self.sticking_out()

    def faults(self, *, dark: bool = True) -> list[str]:
        """What axe finds serious or critical by WCAG 2.2 AA: everything in light, the colours in dark."""
        faults = [f"light {fault}" for fault in self._axe({"runOnly": {"type": "tag", "values": WCAG}})]
        faults += [f"{self.page.url} heads no column: {html}" for html in self.ask(NO_CELLS)]
        if dark:
            self.ask(DARK)
            colours = self._axe({"runOnly": {"type": "rule", "values": ["color-contrast"]}})
            faults += [f"dark {fault}" for fault in colours]
            self.ask(LIGHT)
        return faults

    def _axe(self, options: dict[str, Any]) -> list[str]:
        shape = f"{options['runOnly']['type']} {self.ask(MADE_OF)}"
        if shape in self.looked_at:
            return []
        self.looked_at.add(shape)
        if self.ask("() => typeof axe") == "undefined":
            self.ask(f"() => {{ {AXE_SCRIPT}\n}}")
        # Frames are pages of their own, and have no axe in them that would answer.
        found = self.ask(RUN_AXE, {"resultTypes": ["violations"], "preload": False, "iframes": False, **options})
        return [
            f"{self.page.url} {one['id']} ({one['impact']}): "
            + " | ".join(f"{node['target'][0]} {node['html'][:120]}" for node in one["nodes"])
            for one in found
            if one["impact"] in GRAVE
        ]

    def sticking_out(self) -> list[str]:
        """What does not fit a window of 390 pixels."""
        self.page.set_viewport_size(NARROW)
        out: list[str] = self.ask(STICKING_OUT)
        self.page.set_viewport_size(WIDE)
        return [f"390 px {self.page.url} sticks out: {html}" for html in out]

    def close(self) -> None:
        self.context.close()
