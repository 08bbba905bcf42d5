"""Controls in scope, files and listings for the tests of evidence."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from engagements.models import Control, Engagement
from evidence import populations, reconciliations, requests, uploads
from evidence.comparing import Alike, Settings
from evidence.models import EvidenceFile, EvidenceRequest, Population, Reconciliation
from evidence.reconciliations import Source
from tests import factories as f
from tests.remembered import remembered

DUE = dt.date(2026, 8, 31)
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa35\x81\x84\x00\x00\x00\x00IEND\xaeB`\x82"
)
LEAVERS = (
    b"ticket,employee,left on\nOFF-1,Ada Frost,2025-10-14\nOFF-2,Ben Cole,2026-01-09\nOFF-3,Cem Dogan,2026-06-30\n"
)


@remembered
def control(engagement: Engagement, number: str = "IAM-06", **fields: Any) -> Control:
    """A control in scope, put there directly: its flow is tested elsewhere."""
    values: dict[str, Any] = {
        "title": "Access removed within policy time on leaving",
        "wording": "Access is removed within one business day of the last day of work.",
        "nature": "M",
        "frequency": "E",
        "typical_evidence": "Leaver population, disable logs",
        **fields,
    }
    return Control.objects.create(engagement=engagement, number=number, **values)


@remembered
def request(engagement: Engagement, *, open_: bool = True, **fields: Any) -> EvidenceRequest:
    """A request to Owen, open unless asked otherwise."""
    who = f.people(engagement)
    values: dict[str, Any] = {"title": "Disable logs", "due": DUE, "assigned_to": who["owen"], **fields}
    made = requests.make(engagement, by=who["sana"], **values)
    if open_:
        (made,) = requests.open_requests([made], by=who["sana"])
    return made


def upload(
    to: EvidenceRequest | Engagement, content: bytes = b"disabled 2026-01-09 by owen\n", **fields: Any
) -> EvidenceFile:
    """A file uploaded by Owen."""
    engagement = to.engagement if isinstance(to, EvidenceRequest) else to
    values: dict[str, Any] = {"name": "disable-log.txt", "by": f.people(engagement)["owen"], **fields}
    return uploads.receive(to, file=io.BytesIO(content), **values)


def submitted(engagement: Engagement, **fields: Any) -> EvidenceRequest:
    """A request with a file, handed in by Owen."""
    made = request(engagement, **fields)
    upload(made)
    return requests.submit(made, by=f.people(engagement)["owen"])


def ipe(**fields: Any) -> dict[str, Any]:
    """A record of where the leavers come from, complete and consistent with LEAVERS."""
    return {
        "ipe_type": Population.Type.STANDARD_REPORT,
        "source_system": "HR system",
        "query": "Terminations by last day",
        "parameters": "Last day from 2025-10-01 to 2026-09-30, all entities",
        "run_by": "Owen Pike",
        "run_at": dt.datetime(2026, 10, 2, 9, 30, tzinfo=dt.UTC),
        "system_row_count": 3,
        "covers_from": dt.date(2025, 10, 1),
        "covers_to": dt.date(2026, 9, 30),
        **fields,
    }


def population(engagement: Engagement, content: bytes = LEAVERS, **fields: Any) -> Population:
    """The leavers, provided by Owen for IAM-06."""
    controls = fields.pop("controls", None)
    if controls is None:
        controls = [Control.objects.filter(engagement=engagement).first() or control(engagement)]
    values: dict[str, Any] = {
        "name": "Leavers",
        "file_name": "leavers.csv",
        "key_column": "ticket",
        "date_column": "left on",
        "by": f.people(engagement)["owen"],
        **fields,
    }
    values["ipe"] = ipe(**values.get("ipe", {}))
    return populations.provide(engagement, controls=controls, file=io.BytesIO(content), **values)


BY_TICKET = Settings(
    keys=(("ticket", "ticket"),), compared=(("left on", "left on"),), alike=frozenset({Alike.CASE})
)


def second_source(engagement: Engagement, content: bytes = LEAVERS, name: str = "tickets.csv") -> EvidenceFile:
    """A listing from elsewhere, obtained by Sana."""
    sana = f.people(engagement)["sana"]
    return uploads.receive(engagement, file=io.BytesIO(content), name=name, by=sana, obtained_by_auditor=True)


def begun(population: Population, content: bytes, **fields: Any) -> Reconciliation:
    """The population against a second source, not matched yet."""
    engagement = population.engagement
    return reconciliations.begin(
        engagement,
        title="Leavers to tickets",
        first=Source("Leavers", population=population),
        second=Source("Tickets", file=second_source(engagement, content)),
        by=f.people(engagement)["sana"],
        **fields,
    )


def matched(population: Population, content: bytes, settings: Settings = BY_TICKET) -> Reconciliation:
    made = begun(population, content)
    return reconciliations.match(made, settings, by=f.people(population.engagement)["sana"])


def concluded_reconciliation(population: Population) -> Reconciliation:
    """Its own rows in another order: no difference."""
    header, *rows = populations.download(population, by=f.people(population.engagement)["sana"]).splitlines()
    made = matched(population, b"\n".join([header, *reversed(rows)]))
    return reconciliations.conclude(
        made, conclusion="Nothing is missing.", by=f.people(population.engagement)["sana"]
    )
