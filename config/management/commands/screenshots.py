"""The pictures of the documentation, taken from the running demonstration."""

import io
import itertools
import math
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pypdfium2
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django.db.models import Count
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from config import system
from config.demo_data.people import PASSWORD
from config.processes import Child, end, web_command
from distribution.models import Grant
from distribution.views import SESSION_KEY
from engagements.models import Engagement, Stage
from fieldwork.models import ControlTest, Deviation
from reports import storage
from reports.models import ClientReview, Issuance

WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}
LARGEST = 150_000
START_TIMEOUT = 60.0
READER = "reader"
FIRM, LAKESHORE, TIDEWATER = "hartwell-oake.example", "lakeshore-ledger.example", "tidewater-payroll.example"


class Shot(NamedTuple):
    """One picture: its file's name, who looks, and at which address."""

    name: str
    who: str
    url: str
    scheme: str = "light"
    narrow: bool = False


class Command(BaseCommand):
    help = "Takes the pictures of docs/ from the demonstration data. Build them first: make demo SERVE=0"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, default=settings.BASE_DIR / "docs" / "images")

    def handle(self, *args: Any, to: Path, **options: Any) -> None:
        chromium = system.chromium()
        if chromium is None:
            raise CommandError("Chromium is missing: manage.py doctor says how to install it.")
        shots, report, session = _shots(), _report(), _reader()
        reader = str(session.session_key)
        to.mkdir(parents=True, exist_ok=True)
        for name, page in {"report": 6, "report-tests": -1}.items():
            self._keep(to / f"{name}.png", _paper(report, page))
        # The web server is a process of its own, which must not share a connection.
        connections.close_all()
        with _served() as site, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for who, theirs in itertools.groupby(shots, key=lambda shot: shot.who):
                for shot, png in _taken(browser, site, who, reader, list(theirs)):
                    self._keep(to / f"{shot.name}.png", png)
            browser.close()
        session.delete()

    def _keep(self, path: Path, png: bytes) -> None:
        size = _shrink(png, path)
        self.stdout.write(f"{path.name} {size // 1000} kB")


def _shots() -> list[Shot]:
    """Everything to take. Raises CommandError where the demonstration is not there."""
    issued = Engagement.objects.filter(stage=Stage.ISSUED).order_by("pk").first()
    working = Engagement.objects.filter(stage=Stage.FIELDWORK).order_by("pk").first()
    sheet = _fullest_sheet(issued)
    exception = (
        Deviation.objects.filter(engagement=issued, effect=Deviation.Effect.CRITERION_FAILED).order_by("pk").first()
    )
    read = ClientReview.objects.select_related("draft").order_by("pk").first()
    if issued is None or working is None or sheet is None or exception is None or read is None:
        raise CommandError("The demonstration is not built here. Run: make demo SERVE=0")
    here = {
        name: reverse(name, args=[working.pk])
        for name in ("engagements:overview", "evidence:requests", "fieldwork:review")
    }
    there = {
        name: reverse(name, args=[issued.pk])
        for name in (
            "reports:opinion",
            "distribution:distribution",
            "engagements:overview",
            "archive:file",
        )
    }
    return [
        Shot("overview", f"marisol@{FIRM}", there["engagements:overview"]),
        Shot("overview-dark", f"marisol@{FIRM}", here["engagements:overview"], "dark"),
        Shot("home", f"marisol@{FIRM}", reverse("home")),
        Shot("test-sheet", f"marisol@{FIRM}", sheet.get_absolute_url()),
        Shot("requests", f"marisol@{FIRM}", here["evidence:requests"]),
        Shot("exception", f"marisol@{FIRM}", exception.get_absolute_url()),
        Shot("opinion", f"marisol@{FIRM}", there["reports:opinion"]),
        Shot(
            "report-text",
            f"marisol@{FIRM}",
            reverse("reports:draft_text", args=[read.engagement_id, read.draft.number]),
        ),
        Shot("file", f"marisol@{FIRM}", there["archive:file"]),
        Shot("review", f"jonah@{FIRM}", here["fieldwork:review"]),
        Shot("client-home", f"beth@{TIDEWATER}", reverse("home")),
        Shot("client-home-narrow", f"beth@{TIDEWATER}", reverse("home"), narrow=True),
        Shot("distribution", f"dana@{LAKESHORE}", there["distribution:distribution"]),
        Shot("reader", READER, reverse("distribution:gate")),
    ]


def _fullest_sheet(engagement: Engagement | None) -> ControlTest | None:
    """The test of a sample with the most deviations."""
    tests = ControlTest.objects.filter(engagement=engagement, sample__isnull=False, items__results__outcome="d")
    return tests.annotate(found=Count("pk")).order_by("-found", "pk").first()


def _report() -> bytes:
    issuance = Issuance.objects.filter(state=Issuance.State.CURRENT).order_by("pk").first()
    if issuance is None:
        raise CommandError("No report is issued here. Run: make demo SERVE=0")
    return storage.pdf_of(issuance.engagement_id, issuance.pdf_sha256)


def _reader() -> SessionStore:
    """The session of the reader who has not accepted the terms yet, as the link of the invitation opens it."""
    session = SessionStore()
    session[SESSION_KEY] = Grant.objects.filter(acceptances=None).values_list("pk", flat=True).latest("pk")
    session.create()
    return session


def _paper(pdf: bytes, place: int) -> bytes:
    """A page of the report; -1 is the first on which tests with a deviation stand."""
    out = io.BytesIO()
    with pypdfium2.PdfDocument(io.BytesIO(pdf)) as document:
        if place < 0:
            tests = (n for n in range(len(document)) if _shows_exception(document, n))
            place = next(tests, len(document) // 2)
        document[min(place, len(document) - 1)].render(scale=1.6).to_pil().save(out, "PNG")
    return out.getvalue()


def _shows_exception(document: pypdfium2.PdfDocument, place: int) -> bool:
    """Whether a control with an exception stands on the page, in the table of Section IV."""
    text = str(document[place].get_textpage().get_text_range())
    return text.startswith("Control") and "EX-0" in text and "xception noted" in text


@contextmanager
def _served() -> Iterator[str]:
    """The product at a free port for as long as this lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        web = Child("web", web_command("127.0.0.1", port), Path(folder) / "web.log")
        web.start()
        try:
            deadline = time.monotonic() + START_TIMEOUT
            while socket.socket().connect_ex(("127.0.0.1", port)):
                if not web.running or time.monotonic() > deadline:
                    raise CommandError(f"The web server did not start: {web.log.read_text()}")
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            end([web])


def _taken(browser: Browser, site: str, who: str, reader: str, shots: list[Shot]) -> Iterator[tuple[Shot, bytes]]:
    """The pictures of one person, signed in once."""
    context = browser.new_context(base_url=site, viewport=WIDE, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    if who == READER:
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": reader, "url": site}])
    else:
        page.goto(reverse("account_login"))
        page.locator('[name="login"]').fill(who)
        page.locator('[name="password"]').fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(lambda url: reverse("account_login") not in url)
    for shot in shots:
        page.emulate_media(color_scheme="dark" if shot.scheme == "dark" else "light")
        page.set_viewport_size(NARROW if shot.narrow else WIDE)  # type: ignore[arg-type]
        yield shot, _picture(page, shot.url)
    context.close()


def _picture(page: Page, url: str) -> bytes:
    page.goto(url, wait_until="networkidle")
    return page.screenshot()


def _shrink(png: bytes, path: Path) -> int:
    """Write the picture with few enough colours, and small enough in the end."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (256, 128, 64, 32):
        picture.quantize(colours, dither=Image.Dither.NONE).save(path, "PNG", optimize=True)
        if path.stat().st_size <= LARGEST:
            return path.stat().st_size
    scale = math.sqrt(LARGEST / path.stat().st_size)
    smaller = picture.resize((int(picture.width * scale), int(picture.height * scale)), Image.Resampling.LANCZOS)
    smaller.quantize(64, dither=Image.Dither.NONE).save(path, "PNG", optimize=True)
    return path.stat().st_size
