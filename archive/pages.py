"""The pages of a pack: an index, a workpaper for each control, every table, the trail. They need no server."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from archive import adding, leaves, locking
from archive.models import FileLock
from archive.records import Records
from audit.models import Event
from engagements import activity
from engagements.models import Control, Engagement
from evidence.models import EvidenceFile, EvidenceRequest, FileCheck, Population
from fieldwork.models import (
    Attribute,
    ControlTest,
    Deviation,
    EvidenceCitation,
    ItemResult,
    ReviewNote,
    Sample,
    SheetItem,
    SignOff,
)
from reports.models import GeneralUseReport, Issuance, Report

EVENTS_PER_PAGE = 500
STEPS = [str(step.label).lower() for step in SignOff.Step]
CSS = Path(settings.BASE_DIR) / "static" / "archive" / "pack.css"
MARKS = {"p": "pass", "d": "deviation", "n": "n/a"}
FONTS = Path(settings.BASE_DIR) / "static" / "vendor" / "fonts"
# Weights and ranges of Inter that a pack brings along, as far as set-up has put them there.
FACES = {
    "latin": "U+0000-00FF, U+0131, U+0152-0153, U+02BB-02BC, U+02C6, U+02DA, U+02DC, U+2000-206F, U+20AC, U+2122",
    "latin-ext": "U+0100-02AF, U+1E00-1EFF, U+20A0-20AB, U+20AD-20CF, U+2C60-2C7F",
}


class Pages:
    def __init__(
        self,
        engagement: Engagement,
        records: Records,
        *,
        paths: dict[tuple[str, str], str],
        added: dict[int, str],
        lock: FileLock | None,
        root: str,
        count: int,
    ) -> None:
        self.engagement, self.records, self.paths, self.added = engagement, records, paths, added
        self.files = {
            one.pk: (one, paths[("evidence", one.sha256)])
            for one in EvidenceFile.objects.filter(engagement=engagement).select_related("request")
        }
        of = {"engagement": engagement}
        controls = Control.objects.filter(**of).prefetch_related("criteria").select_related("owner")
        self.controls = list(controls.order_by("number"))
        self.common = {
            "engagement": engagement,
            "lock": lock,
            "root": root,
            "leaves": count,
            "due": locking.due_on(engagement),
            "released": locking.released_on(engagement),
        }

    def all(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Name and content of every page, each made when it is asked for."""
        yield "style.css", iter([style()])
        yield "index.html", self._index()
        for control in self.controls:
            yield f"pages/controls/{file_of(control.number)}.html", self._control(control)
        for table in self.records.tables.values():
            for number in range(1, len(table.starts) + 1):
                yield table.page(number), self._table(table, number)
        yield (
            "pages/people.html",
            self._page("people", "pages/people.html", {"people": sorted(self.records.people.values())}),
        )
        events = Event.objects.of_engagement(self.engagement.pk).order_by("seq")
        total = events.count()
        pages = range(0, total, EVENTS_PER_PAGE)
        for number, start in enumerate(pages, start=1):
            lines = [(event.seq, activity.line(event)) for event in events[start : start + EVENTS_PER_PAGE]]
            yield (
                f"pages/trail-{number}.html",
                self._page(
                    "trail",
                    f"pages/trail-{number}.html",
                    {
                        "lines": lines,
                        "number": number,
                        "count": len(pages),
                        "total": total,
                        "numbers": range(1, len(pages) + 1),
                    },
                ),
            )

    def _page(self, template: str, name: str, context: dict[str, Any]) -> Iterator[bytes]:
        up = "../" * name.count("/")
        text = render_to_string(f"archive/pack/{template}.html", {**self.common, **context, "up": up})
        yield text.encode()

    def _index(self) -> Iterator[bytes]:
        of = {"engagement": self.engagement}
        tests = defaultdict(list)
        for test in ControlTest.objects.filter(**of).order_by("control__number", "number"):
            tests[test.control_id].append(test)
        signed: dict[int, set[str]] = defaultdict(set)
        for sign_off in SignOff.objects.filter(**of, voided_at__isnull=True).select_related("test"):
            signed[sign_off.test.control_id].add(str(sign_off.get_step_display()).lower())
        exceptions: dict[int, list[Deviation]] = defaultdict(list)
        for deviation in Deviation.objects.filter(**of).exclude(state=Deviation.State.NOT_A_DEVIATION):
            exceptions[deviation.control_id].append(deviation)
        rows = [
            {
                "control": control,
                "href": f"pages/controls/{file_of(control.number)}.html",
                "criteria": [one.pk for one in control.criteria.all()],
                "results": [str(test.get_result_display()) for test in tests[control.pk]],
                "exceptions": exceptions[control.pk],
                "signed": [step for step in STEPS if step in signed[control.pk]],
            }
            for control in self.controls
        ]
        issued = Issuance.objects.filter(**of).exclude(pdf_sha256="").defer("snapshot").order_by("pk")
        general = (
            GeneralUseReport.objects.filter(**of).exclude(pdf_sha256="").select_related("issuance").order_by("pk")
        )
        drafts = Report.objects.filter(**of).exclude(pdf_sha256="").defer("snapshot").order_by("number")
        quarantined = FileCheck.objects.filter(file__engagement=self.engagement, scan=FileCheck.Scan.QUARANTINED)
        context = {
            "rows": rows,
            "groups": self.records.groups(),
            "issued": [
                *((one, self.paths[("reports", one.pdf_sha256)]) for one in issued),
                *((one, self.paths[("reports", one.pdf_sha256)]) for one in general),
            ],
            "drafts": [(one, self.paths[("reports", one.pdf_sha256)]) for one in drafts],
            "files": len(self.files),
            "size": sum(one.size for one, _ in self.files.values()),
            "people": len(self.records.people),
            "events": Event.objects.of_engagement(self.engagement.pk).count(),
            "addenda": [
                (one, [(file, self.added[file.pk]) for file in one.files.all()])
                for one in adding.of_file(self.engagement)
            ],
            "quarantined": [self.files[pk][0] for pk in quarantined.values_list("file_id", flat=True)],
        }
        yield from self._page("index", "index.html", context)

    def _control(self, control: Control) -> Iterator[bytes]:
        of: dict[str, Any] = {"engagement": self.engagement}
        name = f"pages/controls/{file_of(control.number)}.html"
        requests = EvidenceRequest.objects.filter(**of, control_links__control=control).distinct().order_by("code")
        given: dict[int | None, list[tuple[EvidenceFile, str]]] = defaultdict(list)
        for one, path in self.files.values():
            given[one.request_id].append((one, path))
        tests = ControlTest.objects.filter(**of, control=control).select_related(
            "sample__population", "concluded_by", "created_by", "assigned_to", "empty_population"
        )
        context = {
            "control": control,
            "criteria": list(control.criteria.all()),
            "requests": [(one, given[one.pk]) for one in requests],
            "populations": Population.objects.filter(**of, control_links__control=control)
            .select_related("file", "decided_by")
            .order_by("code", "version"),
            "samples": Sample.objects.filter(**of, control=control)
            .select_related("population", "drawn_by")
            .order_by("pk"),
            "tests": [self._test(test) for test in tests.order_by("number")],
            "exceptions": Deviation.objects.filter(**of, control=control)
            .select_related("test", "raised_by", "evaluated_by", "concluded_by")
            .prefetch_related("responses__by", "failed_criteria")
            .order_by("code"),
        }
        yield from self._page("control", name, context)

    def _test(self, test: ControlTest) -> dict[str, Any]:
        attributes = list(Attribute.objects.filter(test=test).order_by("letter"))
        cells: dict[int, dict[int, ItemResult]] = defaultdict(dict)
        for cell in ItemResult.objects.filter(item__test=test).select_related("citation", "by"):
            cells[cell.item_id][cell.attribute_id] = cell
        items = []
        for item in SheetItem.objects.filter(test=test).select_related("sample_item").order_by("position"):
            row = []
            for attribute in attributes:
                found = cells[item.pk].get(attribute.pk)
                file, path = self.files[found.citation.file_id] if found else (None, "")
                row.append(
                    {
                        "attribute": attribute,
                        "cell": found,
                        "mark": MARKS[found.outcome] if found else "",
                        "file": file,
                        "path": path,
                    }
                )
            items.append({"item": item, "cells": row})
        citations = EvidenceCitation.objects.filter(test=test).select_related("cited_by").order_by("pk")
        return {
            "test": test,
            "attributes": attributes,
            "items": items,
            "citations": [(one, *self.files[one.file_id]) for one in citations],
            "signs": SignOff.objects.filter(test=test).select_related("by").order_by("pk"),
            "notes": ReviewNote.objects.filter(test=test).select_related("raised_by", "answered_by").order_by("pk"),
        }

    def _table(self, table: Any, number: int) -> Iterator[bytes]:
        name = table.page(number)
        up = "../" * name.count("/")
        rows = self.records.rows(table, number, up)
        files = {}
        if table.label == "evidence.evidencefile":
            files = {pk: path for pk, (_, path) in self.files.items()}
        elif table.label == "archive.addendumfile":
            files = self.added
        elif table.label in {"reports.report", "reports.issuance", "reports.generalusereport"}:
            hashes = leaves.all_of(table.model).filter(engagement=self.engagement).exclude(pdf_sha256="")
            files = {pk: self.paths[("reports", sha256)] for pk, sha256 in hashes.values_list("pk", "pdf_sha256")}
        pages = [(one, table.page(one)) for one in range(1, len(table.starts) + 1)]
        context = {
            "table": table,
            "rows": [(row, files.get(row.id, "")) for row in rows],
            "pages": pages if len(pages) > 1 else [],
            "number": number,
            "data": f"{'data' if table.locked else 'later'}/{table.label}.jsonl",
        }
        yield from self._page("table", name, context)


def style() -> bytes:
    """The style sheet with its fonts in it: browsers load none from a folder beside."""
    faces = []
    for subset, span in FACES.items():
        for weight in (400, 600):
            path = FONTS / f"inter-{subset}-{weight}-normal.woff2"
            if path.exists():
                data = base64.b64encode(path.read_bytes()).decode()
                faces.append(
                    f"@font-face {{ font-family: Inter; font-weight: {weight}; unicode-range: {span}; "
                    f'src: url("data:font/woff2;base64,{data}") format("woff2"); }}\n'
                )
    return CSS.read_bytes() + "".join(faces).encode()


def file_of(number: str) -> str:
    """A control's number as the name of a file: no two are alike, also where letters of both cases are one."""
    kept = "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "_" for one in number)
    return kept if kept == number.upper() else f"{kept}-{hashlib.sha256(number.encode()).hexdigest()[:8]}"
