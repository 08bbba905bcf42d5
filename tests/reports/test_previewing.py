"""The page that just changed is shown as it will be printed, and nothing is laid out for nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pypdfium2
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageChops

from jobs.models import Job
from jobs.running import run
from reports import content, description, drafting, previewing, rendering
from reports.models import DescriptionSection, Part
from tests import factories as f
from tests.remembered import remembered
from tests.reports import makers as m

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def one_press() -> Iterator[None]:
    """Engagements of different tests have the same number: the child stays."""
    yield
    rendering._close_presses()
    rendering._PRESSES.clear()


@pytest.fixture
@remembered
def engagement() -> Any:
    made = m.in_scope()
    m.described(made)
    return made


def followed(engagement: Any, who: str = "milan") -> previewing.Preview | None:
    """What is shown after the job that looking asks for."""
    by = f.people(engagement)[who]
    previewing.follow(engagement, by=by)
    job = Job.objects.filter(kind=previewing.KIND, state="queued").first()
    if job is not None:
        run(job.pk)
    return previewing.follow(engagement, by=by)


def changed(engagement: Any, part: Part, text: str) -> None:
    section = DescriptionSection.objects.get(engagement=engagement, part=part)
    description.save_section(engagement, part, body=text, version=section.version, by=f.people(engagement)["carla"])


def jobs() -> int:
    return Job.objects.filter(kind=previewing.KIND).count()


def test_a_saved_paragraph_asks_for_its_page_where_somebody_looks(engagement: Any, client: Client) -> None:
    section = DescriptionSection.objects.get(engagement=engagement, part=Part.DC1)
    client.force_login(f.people(engagement)["carla"], backend="django.contrib.auth.backends.ModelBackend")

    def save(words: str) -> None:
        section.refresh_from_db()
        sent = {"body": words, "version": section.version}
        assert client.post(section.get_absolute_url(), sent).status_code == 302

    save("Nobody looks.")
    assert jobs() == 0
    followed(engagement)
    before = jobs()
    save("Somebody does.")
    assert jobs() == before + 1


def test_the_page_that_changed_is_shown_with_its_number(engagement: Any) -> None:
    first = followed(engagement)
    assert first is not None
    assert {page.part for page in first.pages} == {"cover", "description-0"}
    before = {page.number: page.picture for page in first.pages}

    changed(engagement, Part.DC1, "Northwind keeps the ledgers of bookshops, since this morning in other words.")
    after = followed(engagement)
    assert after is not None
    newest = after.pages[0]
    assert newest.part == "description-0"
    assert newest.picture != before.get(newest.number)
    assert after.total == first.total

    # The same page of the whole report, as it is rendered for a draft.
    draft = drafting.request_draft(engagement, by=f.people(engagement)["milan"])
    assert draft.job_id is not None
    run(draft.job_id)
    draft.refresh_from_db()
    pdf = pypdfium2.PdfDocument(drafting.storage.pdf_of(engagement.pk, draft.pdf_sha256))
    assert len(pdf) == after.total
    text = pdf[newest.number - 1].get_textpage().get_text_range()
    assert "since this morning in other words" in " ".join(text.split())
    assert f"Page {newest.number} of {after.total}" in text
    picture = previewing.picture(engagement, newest.picture, firm=True)
    of_draft = drafting.storage.page_of(engagement.pk, draft.pdf_sha256, newest.number)
    assert picture is not None
    assert of_draft is not None
    assert _apart(picture, of_draft) < 0.05
    # Paper is white, not nearly.
    assert Image.open(io.BytesIO(of_draft)).convert("RGB").getpixel((5, 5)) == (255, 255, 255)


def _apart(one: bytes, other: bytes) -> float:
    """The share of pixels that differ by more than palettes do."""
    images = [Image.open(io.BytesIO(png)).convert("L") for png in (one, other)]
    assert images[0].size == images[1].size
    counts = ImageChops.difference(*images).histogram()
    return 100 * sum(counts[60:]) / sum(counts)


def test_nothing_is_laid_out_while_nothing_changes(engagement: Any) -> None:
    first = followed(engagement)
    assert (first, jobs()) == (followed(engagement, "carla"), 1)
    changed(engagement, Part.DC1, "Other words.")
    previewing.follow(engagement, by=f.people(engagement)["milan"])
    previewing.follow(engagement, by=f.people(engagement)["carla"])
    assert jobs() == 2


@pytest.mark.drill
def test_what_cannot_be_printed_is_said_once_and_to_the_firm_alone(
    engagement: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(data: object) -> None:
        raise content.ContentError(["controls[0].wording must be text"])

    followed(engagement)
    with monkeypatch.context() as patch:
        patch.setattr(content, "validate", refuse)
        changed(engagement, Part.DC1, "Other words.")
        shown = followed(engagement)
        assert shown is not None
        assert shown.problem == "controls[0].wording must be text"
        assert shown.pages
        assert (followed(engagement), jobs()) == (shown, 2)
        for who, told in (("milan", True), ("carla", False)):
            client.force_login(f.people(engagement)[who])
            page = client.get(reverse("reports:pages", args=[engagement.pk])).content.decode()
            assert (shown.problem in page, "The firm sees why" in page) == (told, not told)

    changed(engagement, Part.DC1, "More words.")
    again = followed(engagement)
    assert again is not None
    assert again.problem == ""


@pytest.mark.drill
def test_the_client_sees_its_own_parts_only(engagement: Any, client: Client) -> None:
    shown = followed(engagement)
    assert shown is not None
    cover = next(page for page in shown.pages if page.part == "cover")
    theirs = next(page for page in shown.pages if page.part == "description-0")

    def status(name: str) -> int:
        return client.get(reverse("reports:pages_picture", args=[engagement.pk, name])).status_code

    people = f.people(engagement)
    client.force_login(people["carla"])
    page = client.get(reverse("reports:pages", args=[engagement.pk])).content.decode()
    assert theirs.picture in page
    assert cover.picture not in page
    assert (status(theirs.picture), status(cover.picture)) == (200, 404)
    client.force_login(people["sana"])
    assert (status(theirs.picture), status(cover.picture), status("font-0")) == (200, 200, 404)


def test_the_window_is_told_only_of_news(engagement: Any, client: Client) -> None:
    shown = followed(engagement)
    assert shown is not None
    client.force_login(f.people(engagement)["milan"])
    now = reverse("reports:pages_now", args=[engagement.pk])
    assert client.get(now, {"seen": shown.at}).status_code == 204
    changed(engagement, Part.DC1, "Other words.")
    assert "are being laid out" in client.get(now, {"seen": shown.at}).content.decode()
    newer = followed(engagement)
    assert newer is not None
    told = client.get(now, {"seen": shown.at}).content.decode()
    assert newer.pages[0].picture in told
    assert f"Page {newer.pages[0].number} of {newer.total}" in told


def test_an_issued_report_is_laid_out_no_more(engagement: Any) -> None:
    engagement.frozen_at = engagement.created_at
    assert previewing.follow(engagement, by=f.people(engagement)["milan"]) is None
    assert jobs() == 0
