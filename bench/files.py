"""The list of five hundred and of five thousand files: queries, milliseconds from request to response, size."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench.ground import migrate, next_number
from bench.pages import TIMES, ask, signed_in
from bench.results import Result, ratio
from engagements.models import Engagement, Stage
from evidence.models import EvidenceFile, FileCheck, FileReading
from tests import factories as f
from tests.evidence import makers

FEW, MANY = 500, 5_000


def measure() -> Iterator[Result]:
    migrate()
    worlds = {count: filled(count) for count in (FEW, MANY)}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    pages = {"list of files": "", "search in files": "?text=ledger", "filter without script": "?nojs=1&kind=txt"}
    for name, query in pages.items():
        queries, took = {}, {}
        for count, engagement in worlds.items():
            url, factory = reverse("evidence:files", args=[engagement.pk]) + query, signed_in(engagement)
            # The first look fills what is kept in memory.
            ask(factory, url)
            with CaptureQueriesContext(connection) as context:
                ask(factory, url)
            queries[count] = Result(f"{name}, {count:,}: queries", len(context), "queries")
            times = []
            for _ in range(TIMES):
                start = time.perf_counter()
                ask(factory, url)
                times.append((time.perf_counter() - start) * 1000)
            took[count] = Result(f"{name}, {count:,}: time", round(statistics.median(times), 1), "ms")
        yield from queries.values()
        yield ratio(f"{name}: queries at {MANY:,} / {FEW:,}", queries[MANY], queries[FEW])
        yield from took.values()
        yield ratio(f"{name}: time at {MANY:,} / {FEW:,}", took[MANY], took[FEW])


def filled(count: int) -> Engagement:
    """Files of ten requests, scanned and read; rows poured in."""
    engagement = f.at_stage(f.accepted(number=next_number()), Stage.FIELDWORK)
    owen = f.people(engagement)["owen"]
    requests = [makers.request(engagement, title=f"Records {at}") for at in range(10)]
    files = EvidenceFile.objects.bulk_create(
        EvidenceFile(
            engagement=engagement,
            code=f"E-{at + 1:04d}",
            request=requests[at % len(requests)],
            name=f"records-{at}.txt",
            size=3_000,
            sha256=f"{at:064x}",
            kind="txt",
            content_type="text/plain",
            uploaded_by=owen,
        )
        for at in range(count)
    )
    FileCheck.objects.bulk_create(FileCheck(file=file, scan="clean") for file in files)
    FileReading.objects.bulk_create(
        FileReading(file=file, text=f"Records of the ledger number {at}, 2026-01-09. " * 20)
        for at, file in enumerate(files)
    )
    return engagement
