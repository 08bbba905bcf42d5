"""The rows of a file as people read them: every table, every column, in words."""

from __future__ import annotations

import bisect
import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models

from accounts.models import User
from archive import leaves
from archive.models import Pack
from engagements.models import Engagement, EngagementUserPermission
from evidence.models import EvidenceFile, FileReading, Upload

PER_PAGE = 400
# Longer than this, a value stands in the data only.
LONG = 6000
# Rights that follow from roles, what is derived from a file, uploads that never arrived, and this itself.
LEFT_OUT: tuple[type[models.Model], ...] = (EngagementUserPermission, FileReading, Upload, Pack)

# Groups of tables in their order, with the words of the trade; what is not named comes last by its own name.
GROUPS: dict[str, dict[str, str]] = {
    "Acceptance and scope": {
        "engagements.engagement": "Engagement",
        "engagements.engagementmember": "Team",
        "engagements.nonattestservice": "Other services to the client",
        "engagements.providerrelation": "Relations to tool providers",
        "engagements.nothreatstatement": "Statements of no threat",
        "reports.engagementletter": "Engagement letter and amendments",
        "reports.lettersignature": "Signatures under them",
        "engagements.letteramendment": "Amendments in force",
        "engagements.component": "Components",
        "engagements.commitment": "Commitments and requirements",
        "engagements.subserviceorganization": "Subservice organizations",
        "engagements.monitoringcontrol": "Monitoring of subservice organizations",
        "engagements.complementarycontrol": "Complementary controls",
        "engagements.complementarycriterion": "Complementary controls by criterion",
        "engagements.incident": "Incidents",
        "engagements.systemchange": "Changes",
        "engagements.control": "Controls",
        "engagements.controlcriterion": "Controls by criterion",
        "engagements.notrelevantcriterion": "Criteria not relevant",
        "engagements.ruleoverride": "Warnings overridden",
    },
    "Evidence": {
        "evidence.evidencerequest": "Requests",
        "evidence.requestcontrol": "Requests by control",
        "evidence.evidencefile": "Evidence files",
        "evidence.alsoanswers": "Files that answer further requests",
        "evidence.filecheck": "Checks of the files",
        "evidence.filepolicy": "Policy for files",
        "evidence.population": "Populations",
        "evidence.populationcontrol": "Populations by control",
        "evidence.reconciliation": "Reconciliations",
        "evidence.reconciledlisting": "Reconciled listings",
        "evidence.listingdifference": "Differences of listings",
    },
    "Fieldwork": {
        "fieldwork.sample": "Samples",
        "fieldwork.sampleitem": "Sample items",
        "fieldwork.controltest": "Tests of controls",
        "fieldwork.attribute": "Attributes",
        "fieldwork.sheetitem": "Rows of the test sheets",
        "fieldwork.evidencecitation": "Evidence cited",
        "fieldwork.itemresult": "Cells of the test sheets",
        "fieldwork.deviation": "Exceptions",
        "fieldwork.deviationcell": "Exceptions by cell",
        "fieldwork.failedcriterion": "Criteria not met",
        "fieldwork.managementresponse": "Management's responses",
        "fieldwork.signoff": "Sign-offs",
        "fieldwork.reviewnote": "Review notes",
    },
    "Report": {
        "reports.systemdescription": "System description",
        "reports.descriptionsection": "Parts of the description",
        "reports.descriptionrevision": "Every version of the description",
        "reports.managementstatement": "Assertion and letters",
        "reports.matter": "Matters",
        "reports.matterdeviation": "Matters by exception",
        "reports.mattercriterion": "Matters by criterion",
        "reports.opinion": "Opinion by limb",
        "reports.emphasisparagraph": "Emphasis and other-matter paragraphs",
        "reports.qualityreview": "Engagement quality reviews",
        "reports.report": "Drafts",
        "reports.issueapproval": "Approvals of the issue",
        "reports.issuance": "Issued reports",
        "reports.generalusereport": "SOC 3 reports",
        "reports.discoveredfact": "Facts known after issue",
    },
    "After the issue": {
        "archive.filelock": "Lock of the file",
        "archive.addendum": "Addenda",
        "archive.addendumfile": "Files of addenda",
        "archive.addendumreview": "Reviews of addenda",
        "archive.legalhold": "Legal holds",
        "archive.purge": "Requests to destroy",
        "archive.closingreminder": "Reminders",
        "distribution.nondisclosureagreement": "Non-disclosure agreements",
        "distribution.grant": "Readers",
        "distribution.acceptance": "Terms accepted",
        "distribution.accessevent": "Access log",
        "distribution.publication": "SOC 3 reports published",
    },
}


@dataclasses.dataclass(frozen=True)
class Cell:
    name: str
    text: str
    href: str = ""
    wide: bool = False
    mono: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    id: int
    title: str
    cells: list[Cell]
    file: str = ""


@dataclasses.dataclass
class Table:
    """`starts`: the key of the first row of each page."""

    model: type[models.Model]
    title: str
    group: str
    count: int
    starts: list[int]
    locked: bool

    @property
    def label(self) -> str:
        return self.model._meta.label_lower

    def page(self, number: int) -> str:
        return f"pages/tables/{self.label}{f'-{number}' if number > 1 else ''}.html"

    @property
    def first(self) -> str:
        return self.page(1)

    def page_of(self, pk: int) -> str:
        return self.page(max(bisect.bisect_right(self.starts, pk), 1))


class Records:
    """All tables of an engagement that have rows."""

    def __init__(self, engagement: Engagement) -> None:
        self.engagement = engagement
        self.file = set(leaves.tables())
        self.tables: dict[str, Table] = {}
        named = {label: (group, title) for group, titles in GROUPS.items() for label, title in titles.items()}
        for model in [*leaves.tables(), *self._later_models()]:
            pks = list(self._rows(model).values_list("pk", flat=True))
            if not pks:
                continue
            title = str(model._meta.verbose_name_plural).capitalize()
            group, title = named.get(model._meta.label_lower, ("Other", title))
            self.tables[model._meta.label_lower] = Table(
                model, title, group, len(pks), pks[::PER_PAGE], model in self.file
            )
        users = User.objects.filter(pk__in=self._named()).values_list("pk", "name", "email")
        self.people = {pk: (name, email) for pk, name, email in users}

    def groups(self) -> list[tuple[str, list[Table]]]:
        """The tables by group, in the order of GROUPS."""
        order = [label for titles in GROUPS.values() for label in titles]
        found = sorted(
            self.tables.values(),
            key=lambda one: (order.index(one.label) if one.label in order else len(order), one.label),
        )
        return [
            (group, tables)
            for group in (*GROUPS, "Other")
            if (tables := [one for one in found if one.group == group])
        ]

    def _later_models(self) -> list[type[models.Model]]:
        """Tables with rows of the engagement that are not part of what is locked, by name; and those below them."""
        own, below = [], []
        for model in apps.get_models():
            if model in self.file or model in LEFT_OUT:
                continue
            parents = [
                field.related_model for field in model._meta.local_fields if isinstance(field, models.ForeignKey)
            ]
            if Engagement in parents:
                own.append(model)
            elif self._parent(model) is not None:
                below.append(model)
        return sorted([*own, *below], key=lambda one: one._meta.label_lower)

    def _parent(self, model: type[models.Model]) -> str | None:
        for field in model._meta.local_fields:
            parent = field.related_model
            if (
                isinstance(field, models.ForeignKey)
                and isinstance(parent, type)
                and any(
                    isinstance(one, models.ForeignKey) and one.related_model is Engagement
                    for one in parent._meta.local_fields
                )
            ):
                return field.name
        return None

    def _rows(self, model: type[models.Model]) -> Any:
        if model in self.file:
            return leaves.rows_of(model, self.engagement)
        if any(field.related_model is Engagement for field in model._meta.local_fields):
            return leaves.all_of(model).filter(engagement=self.engagement).order_by("pk")
        return leaves.all_of(model).filter(**{f"{self._parent(model)}__engagement": self.engagement}).order_by("pk")

    def _named(self) -> set[int]:
        """Keys of the people whom any row names."""
        known: set[int] = set()
        for table in self.tables.values():
            for field in table.model._meta.local_fields:
                if isinstance(field, models.ForeignKey) and field.related_model is User:
                    found = self._rows(table.model).order_by().values_list(field.attname, flat=True).distinct()
                    known |= {pk for pk in found if pk is not None}
        return known

    def later(self) -> Iterator[tuple[str, Iterator[str]]]:
        """What is not part of the locked file, as lines of JSON; and the people."""
        for table in self.tables.values():
            if not table.locked:
                yield table.label, self._lines(table)
        yield (
            "people",
            (
                leaves.text_of({"id": pk, "name": name, "email": email})
                for pk, (name, email) in sorted(self.people.items())
            ),
        )

    def _lines(self, table: Table) -> Iterator[str]:
        names = sorted(field.attname for field in table.model._meta.concrete_fields if "token" not in field.name)
        for values in self._rows(table.model).values_list(*names).iterator(chunk_size=500):
            yield leaves.text_of(dict(zip(names, map(leaves.plain, values), strict=True)))

    def rows(self, table: Table, number: int, up: str) -> list[Row]:
        """The rows of one page, with every column that is not empty."""
        first = table.starts[number - 1]
        fields = [
            field
            for field in table.model._meta.concrete_fields
            if field.related_model is not Engagement and "token" not in field.name and not field.primary_key
        ]
        related = [
            field.name
            for field in fields
            if isinstance(field, models.ForeignKey) and field.related_model is not User
        ]
        found = self._rows(table.model).filter(pk__gte=first)
        found = found.select_related(*related) if related else found
        rows = []
        for row in found[:PER_PAGE]:
            cells = [cell for field in fields if (cell := self._cell(row, field, up)) is not None]
            rows.append(Row(row.pk, self.title(row), cells))
        return rows

    def title(self, row: models.Model) -> str:
        return f"{row} {row.name}"[:200] if isinstance(row, EvidenceFile) else str(row)[:200]

    def _cell(self, row: Any, field: Any, up: str) -> Cell | None:
        value = getattr(row, field.attname)
        if value in (None, "", [], {}):
            return None
        name = (
            str(field.verbose_name).capitalize()
            if str(field.verbose_name)[:1].islower()
            else str(field.verbose_name)
        )
        if isinstance(field, models.ForeignKey):
            return self._pointer(row, field, value, name, up)
        if field.choices and not isinstance(value, list):
            return Cell(name, str(getattr(row, f"get_{field.name}_display")()))
        if isinstance(field, models.JSONField) or isinstance(value, list | dict):
            return self._structure(name, value)
        if isinstance(value, bool):
            return Cell(name, "yes") if value else None
        text = (
            _moment(value)
            if isinstance(value, dt.datetime)
            else _day(value)
            if isinstance(value, dt.date)
            else str(value)
        )
        if isinstance(value, int):
            text = f"{value:,}"
        name = name.replace("Sha256", "SHA-256")
        mono = field.name.endswith(("sha256", "hash", "seed", "root"))
        return Cell(name, text, wide=len(text) > 50 or mono, mono=mono)

    def _pointer(self, row: Any, field: Any, value: Any, name: str, up: str) -> Cell:
        if field.related_model is User:
            known, _ = self.people.get(value, (f"person {value}", ""))
            return Cell(name, known)
        table = self.tables.get(field.related_model._meta.label_lower)
        text = str(getattr(row, field.name))[:120]
        return Cell(name, text, f"{up}{table.page_of(value)}#r{value}" if table else "")

    def _structure(self, name: str, value: Any) -> Cell:
        if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
            text = ", ".join(str(one) for one in value)
        elif isinstance(value, dict) and all(not isinstance(one, list | dict) for one in value.values()):
            text = "\n".join(f"{key}: {one}" for key, one in value.items())
        else:
            text = json.dumps(value, indent=1, ensure_ascii=False)
        if len(text) > LONG:
            return Cell(name, f"{len(text):,} characters: see the data of this table")
        return Cell(name, text, wide=len(text) > 80)


def _moment(value: dt.datetime) -> str:
    at = value.astimezone(dt.UTC)
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"


def _day(value: dt.date) -> str:
    return f"{value.day} {value:%b %Y}"


day, moment = _day, _moment
