"""Worker processes killed over and over while they share a report's parts: nothing is lost, nothing is doubled."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import time

import pytest
from django.utils import timezone

from audit.models import Event
from engagements.models import Control
from jobs import queue
from jobs.models import MAX_ATTEMPTS, Job
from reports import content, drafting, opinion, storage
from reports.book import book_of
from reports.models import Report
from reports.rendering import Memory, Press, typeset
from tests import factories as f
from tests.jobs.test_worker import children, pdfs, until
from tests.reports import makers
from tests.workers import Workers

pytestmark = [pytest.mark.drill, pytest.mark.services, pytest.mark.django_db(transaction=True)]

DEATHS = 20
NEVER = dt.timedelta(0)


def test_twenty_deaths_in_mid_render(workers: Workers) -> None:
    chance = random.Random(5)
    before = pdfs()
    engagement = makers.in_scope()
    makers.described(engagement)
    milan = f.people(engagement)["milan"]
    # Two processes that take work; Celery puts another one in the place of each that dies.
    worker = workers.start(concurrency=2)
    # What comes of it without deaths, worked out apart: by a child of its own, from nothing the workers have made.
    undisturbed, apart, deaths, drafts = Press(), Memory(), 0, list[Report]()
    while deaths < DEATHS:
        # Another content each time, and nothing of it laid out before.
        Control.objects.filter(engagement=engagement).update(title=f"Access on request, {len(drafts)}")
        storage.forget_pieces(timezone.now() + dt.timedelta(days=1))
        draft = drafting.request_draft(engagement, by=milan)
        drafts.append(draft)
        # A job whose worker is lost three times is given up, as it should be: two deaths for each.
        for attempt in range(1, MAX_ATTEMPTS):
            until(lambda at=attempt, pk=draft.job_id: Job.objects.filter(
                pk=pk, attempts=at, state__in=["running", "done"]
            ).exists(), workers)  # fmt: skip
            time.sleep(chance.uniform(0, 3))
            # It has the job in hand, or lays out parts for the other one, or has nothing to do just then.
            os.kill(chance.choice(until(lambda: children(worker.pid))), signal.SIGKILL)
            # Had it come too late, the draft would be ready now.
            if Job.objects.get(pk=draft.job_id).finished:
                break
            deaths += 1
            # To the sweeper the job looks lost, even if the other worker is still at it.
            queue.sweep(silent_for=NEVER, queued_for=NEVER)
        until(lambda pk=draft.job_id: Job.objects.get(pk=pk).finished, workers)
        draft.refresh_from_db()
        assert draft.state == Report.State.READY, Job.objects.get(pk=draft.job_id).error
        assert Report.objects.filter(engagement=engagement, content_sha256=draft.content_sha256).count() == 1
        book = book_of(content.validate(draft.snapshot), draft=draft.number, unformed=opinion.unformed(engagement))
        assert storage.pdf_of(engagement.pk, draft.pdf_sha256) == typeset(book, apart, undisturbed).pdf
    undisturbed.close()
    events = Event.objects.filter(engagement_id=engagement.pk, action=drafting.RENDERED.code)
    assert len(drafts) == Report.objects.count() == Job.objects.count() == events.count()
    assert pdfs() - before == {f"{engagement.pk}/{one.pdf_sha256}.pdf" for one in drafts}
    # The parts were shared.
    assert workers.log.count("Task reports.lay_out") >= len(drafts)
