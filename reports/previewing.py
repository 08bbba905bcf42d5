"""The pages that just changed, as they will be printed: what a person sees beside the editor.

Whatever changes an engagement leaves an event, so the number of its last event says whether the pages shown are
those of today. Only the parts that changed are laid out and bound, from the shelf that drafts use
(reports/shelf.py); nothing of a preview is kept longer than those parts are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from django.core.cache import cache
from django.utils import timezone

from accounts.models import User
from audit.models import Chain
from audit.trail import chain_of
from engagements.models import Engagement
from jobs.models import Job
from jobs.queue import enqueue
from jobs.running import Unrecoverable
from reports import content, drafting, opinion
from reports.book import CONTENTS, Book, Chunk, book_of
from reports.rendering import Press, RenderError, excerpt, key_of, laid_out, press_for, summary
from reports.shelf import Stored
from reports.snapshot import build

KIND = "report.preview"
# What the client's side writes itself; of the rest it sees drafts, when they are shown to it.
THEIRS = ("description-", "assertion")
# As many pages are shown, the ones that changed last first.
PAGES = 8
KEPT_FOR = dt.timedelta(days=1)


@dataclass(frozen=True)
class Page:
    """A page that changed: its number, the part it is in, what stands over it, its picture on the shelf."""

    number: int
    part: str
    head: str
    picture: str
    wide: bool

    @property
    def theirs(self) -> bool:
        return self.part.startswith(THEIRS)


@dataclass
class Preview:
    """What is shown. `version`: the last event it knows of; `keys`: by part, what it was laid out from."""

    version: int
    at: str
    total: int = 0
    problem: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)

    @property
    def moment(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.at)

    def seen_by(self, *, firm: bool) -> list[Page]:
        return [page for page in self.pages if firm or page.theirs]


def version_of(engagement: Engagement) -> int:
    """The number of the engagement's last event; 0 before the first."""
    return Chain.objects.filter(key=chain_of(engagement)).values_list("seq", flat=True).first() or 0


def follow(engagement: Engagement, *, by: User) -> Preview | None:
    """What can be shown now; asks for new pages when something has changed since, once for all who look."""
    found = _known(engagement.pk)
    if not engagement.frozen and (found is None or found.version < version_of(engagement)):
        enqueue(KIND, key=f"{KIND}:{engagement.pk}", by=by, engagement_id=engagement.pk)
    return found


def keep_up(engagement: Engagement, *, by: User) -> None:
    """Asks for new pages at once when somebody looks or has looked lately, instead of when the window asks next."""
    if _known(engagement.pk) is not None:
        follow(engagement, by=by)


def picture(engagement: Engagement, name: str, *, firm: bool) -> bytes | None:
    """The picture of a page that is shown to these people, or None."""
    found = _known(engagement.pk)
    if found is None or all(page.picture != name for page in found.seen_by(firm=firm)):
        return None
    return Stored(engagement.pk).get(name)


def render(job: Job) -> dict[str, Any]:
    """The work of a job "report.preview"."""
    assert job.engagement_id is not None
    engagement = Engagement.objects.select_related("firm", "client").get(pk=job.engagement_id)
    # Before the content is read: what changes meanwhile has a higher number.
    version, before = version_of(engagement), _known(engagement.pk)
    try:
        snapshot = content.validate(build(engagement))
        number, unformed = drafting.next_number(engagement.pk), opinion.unformed(engagement)
        # A hash would change the cover each time; a draft has it.
        book = book_of(snapshot, draft=number, unformed=unformed, fingerprint=False)
        made = _made(engagement, book, before)
    except content.ContentError as error:
        raise Unrecoverable(" ".join(error.problems)) from error
    except RenderError as error:
        raise Unrecoverable(str(error)) from error
    _keep(engagement.pk, Preview(version, timezone.now().isoformat(), *made))
    return {"version": version}


def failed(job: Job) -> None:
    """Says why there are no pages, so that nobody asks for them again before something changes."""
    assert job.engagement_id is not None
    engagement = Engagement.objects.get(pk=job.engagement_id)
    now = timezone.now().isoformat()
    found = _known(engagement.pk) or Preview(0, now)
    found.version, found.problem, found.at = version_of(engagement), job.error, now
    _keep(engagement.pk, found)


def _made(
    engagement: Engagement, book: Book, before: Preview | None
) -> tuple[int, str, dict[str, str], list[Page]]:
    """Pages in all, no problem, the keys, and the pages that changed before those that changed earlier."""
    shelf = Stored(engagement.pk)
    known = before.keys if before else {}
    with press_for(engagement.pk) as press:
        leaves = laid_out(book, shelf, press, call_help=lambda missing: shelf.call_help(book, missing))
        lengths = {name: summary(data)["pages"] for name, data in leaves.items()}
        keys = {chunk.name: key_of(book, chunk) for chunk in book.chunks if chunk.name != CONTENTS}
        changed = _changed(book, keys, known)
        pages: list[Page] = []
        total, first = sum(lengths.values()), 0
        for chunk in book.chunks:
            if chunk in changed:
                old = shelf.get(known[chunk.name]) if chunk.name in known else None
                parts = [leaves[chunk.name], *([old] if old else [])]
                pages += _pictures(book, chunk, parts, shelf, press, first, total)
            first += lengths[chunk.name]
    earlier = [page for page in (before.pages if before else []) if page.part in keys]
    return total, "", keys, list(_first_of_each([*pages, *earlier]))[:PAGES]


def _changed(book: Book, keys: dict[str, str], known: dict[str, str]) -> list[Chunk]:
    """The parts that changed; of a first preview where a reader begins."""
    if not known:
        return [chunk for chunk in book.chunks if chunk.name in {"cover", "description-0"}]
    changed = [chunk for chunk in book.chunks if chunk.name in keys and keys[chunk.name] != known.get(chunk.name)]
    return changed[:PAGES]


def _pictures(
    book: Book, chunk: Chunk, parts: list[bytes], shelf: Stored, press: Press, first: int, total: int
) -> list[Page]:
    changed, pdf = excerpt(book, chunk, parts, shelf, press, before=first, total=total)
    pages = []

    def keep(number: int, png: bytes) -> None:
        name = f"picture-{sha256(png).hexdigest()}"
        shelf.put(name, png)
        pages.append(Page(first + number, chunk.name, chunk.head, name, chunk.wide))

    # A page may be gone, or only what stands over it have changed: then the first one is shown.
    drafting.each_page(pdf, keep, only={at + 1 for at in changed[:PAGES]} or {1})
    return pages


def _first_of_each(pages: Iterable[Page]) -> Iterator[Page]:
    seen = set()
    for page in pages:
        if page.number not in seen:
            seen.add(page.number)
            yield page


def _name(engagement_id: int) -> str:
    return f"preview:{engagement_id}"


def _known(engagement_id: int) -> Preview | None:
    found = cache.get(_name(engagement_id))
    if found is None:
        return None
    return Preview(**{**found, "pages": [Page(**page) for page in found["pages"]]})


def _keep(engagement_id: int, preview: Preview) -> None:
    cache.set(_name(engagement_id), asdict(preview), KEPT_FOR.total_seconds())
