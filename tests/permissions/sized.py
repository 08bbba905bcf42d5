"""An engagement with any number of controls, each with its request, file, test and signature; rows poured in.

People, components and events come in the same number, so that whatever a page lists grows with it.

For what depends on size only (tests of queries, bench): the way by the flows is tested elsewhere.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.urls import reverse
from django.utils import timezone

from accounts.models import ClientMember, FirmMember, User
from audit.trail import record
from engagements.models import (
    Component,
    Control,
    ControlCriterion,
    Engagement,
    EngagementMember,
    Role,
    Stage,
)
from engagements.roles import INDEPENDENCE_CONFIRMED
from evidence.models import EvidenceFile, EvidenceRequest, Population, RequestControl
from fieldwork import signing
from fieldwork.models import (
    Attribute,
    ControlTest,
    Deviation,
    DeviationCell,
    EvidenceCitation,
    FailedCriterion,
    ItemResult,
    ManagementResponse,
    ReviewNote,
    SheetItem,
    SignOff,
)
from tests import factories as f
from tests.permissions.world import rich

ATTRIBUTES = ("A", "B")
# One exception for so many controls, but two at least.
ONE_IN = 10


def sized(count: int, *, client: str, number: str, partner: User | None = None) -> Engagement:
    """At reporting; the sheet of the first control has `count` items, every other three."""
    engagement = rich(client, number=number, partner=partner)
    f.at_stage(engagement, Stage.FIELDWORK)
    who = f.people(engagement)
    of: dict[str, Any] = {"engagement": engagement}
    codes = list(engagement.criteria().values_list("pk", flat=True))
    controls = Control.objects.bulk_create(
        Control(
            **of,
            number=f"CTL-{at:03d}",
            title=f"Control number {at}",
            wording="What the control owner does, when, and on what record it can be seen.",
            nature="M",
            frequency="Q",
            owner=who["owen"],
        )
        for at in range(1, count + 1)
    )
    ControlCriterion.objects.bulk_create(
        ControlCriterion(**of, control=control, criterion_id=codes[(at * 7 + step) % len(codes)])
        for at, control in enumerate(controls)
        for step in (0, 3)
    )
    files = _requests(of, controls, who)
    _tests(of, controls, files, who, count)
    _around(engagement, count)
    return f.at_stage(engagement, Stage.REPORTING)


def _around(engagement: Engagement, count: int) -> None:
    """People of both sides, components, events."""
    people = User.objects.bulk_create(
        User(email=f"p{at}.{engagement.number}@example.com", name=f"Person {at}") for at in range(count * 2)
    )
    ClientMember.objects.bulk_create(
        ClientMember(organization=engagement.client, user=user) for user in people[:count]
    )
    FirmMember.objects.bulk_create(FirmMember(firm=engagement.firm, user=user) for user in people[count:])
    EngagementMember.objects.bulk_create(
        EngagementMember(engagement=engagement, user=user, role=Role.CONTROL_OWNER) for user in people[:count]
    )
    Component.objects.bulk_create(
        Component(engagement=engagement, kind=Component.Kind.DATA, name=f"Ledger {at}") for at in range(count)
    )
    for user in people[:count]:
        record(INDEPENDENCE_CONFIRMED, by=user, engagement=engagement)


def _requests(of: dict[str, Any], controls: list[Control], who: dict[str, User]) -> list[EvidenceFile]:
    states = (EvidenceRequest.State.SUBMITTED, EvidenceRequest.State.OPEN, EvidenceRequest.State.ACCEPTED)
    requests = EvidenceRequest.objects.bulk_create(
        EvidenceRequest(
            **of,
            code=f"REQ-{at + 100}",
            title=f"Records of {control}",
            assigned_to=who["owen"],
            due=dt.date(2026, 8, 1) + dt.timedelta(days=at % 60),
            state=states[at % 3],
            created_by=who["sana"],
            submitted_at=timezone.now(),
        )
        for at, control in enumerate(controls)
    )
    RequestControl.objects.bulk_create(
        RequestControl(**of, request=request, control=control)
        for request, control in zip(requests, controls, strict=True)
    )
    return EvidenceFile.objects.bulk_create(
        EvidenceFile(
            **of,
            code=f"E-{at + 100}",
            request=request,
            name="records.txt",
            size=3,
            sha256="0" * 64,
            kind="txt",
            content_type="text/plain",
            uploaded_by=who["owen"],
        )
        for at, request in enumerate(requests)
    )


def _tests(
    of: dict[str, Any], controls: list[Control], files: list[EvidenceFile], who: dict[str, User], count: int
) -> None:
    tests = ControlTest.objects.bulk_create(
        ControlTest(
            **of,
            control=control,
            phase="operating",
            kinds=["inspection"],
            procedure="Inspected the records of each item and compared them with the control as stated.",
            result="exceptions" if _excepted(at) else "no_exceptions",
            concluded_by=who["sana"],
            concluded_at=timezone.now(),
            assigned_to=who["sana"],
            created_by=who["sana"],
        )
        for at, control in enumerate(controls)
    )
    citations = EvidenceCitation.objects.bulk_create(
        EvidenceCitation(**of, test=test, file=file, note="p. 1", cited_by=who["sana"])
        for test, file in zip(tests, files, strict=True)
    )
    attributes = Attribute.objects.bulk_create(
        Attribute(**of, test=test, letter=letter, title=f"Attribute {letter}", pass_rule="It was done.")
        for test in tests
        for letter in ATTRIBUTES
    )
    items = SheetItem.objects.bulk_create(
        SheetItem(**of, test=test, position=position, label=f"Item {position}")
        for at, test in enumerate(tests)
        for position in range(1, (count if at == 0 else 3) + 1)
    )
    cited = {citation.test_id: citation for citation in citations}
    columns: dict[int, list[Attribute]] = {}
    for attribute in attributes:
        columns.setdefault(attribute.test_id, []).append(attribute)
    excepted = {test.pk for at, test in enumerate(tests) if _excepted(at)}
    cells = ItemResult.objects.bulk_create(
        ItemResult(
            **of,
            item=item,
            attribute=attribute,
            outcome="d" if (bad := _deviates(item, attribute, excepted)) else "p",
            note="It was late" if bad else "",
            citation=cited[item.test_id],
            place="p. 1",
            by=who["sana"],
            at=timezone.now(),
        )
        for item in items
        for attribute in columns[item.test_id]
    )
    _deviations(of, [test for test in tests if test.pk in excepted], cells, who)
    ReviewNote.objects.bulk_create(
        ReviewNote(
            **of, target=f"test:{test.pk}", label=str(test), test=test, text="Where?", raised_by=who["milan"]
        )
        for test in tests[::2]
    )
    found = signing.contents(ControlTest.objects.filter(pk__in=[test.pk for test in tests[::2]]))
    SignOff.objects.bulk_create(
        SignOff(
            **of,
            test_id=key,
            step="prepared",
            by=who["sana"],
            at=timezone.now(),
            content_sha256=signing.hash_of(content),
            content=content,
        )
        for key, content in found.items()
    )


def _excepted(at: int) -> bool:
    return at % ONE_IN == 0 or at == 1


def _deviates(item: SheetItem, attribute: Attribute, excepted: set[int]) -> bool:
    return item.test_id in excepted and item.position == 1 and attribute.letter == "A"


def _deviations(
    of: dict[str, Any], tests: list[ControlTest], cells: list[ItemResult], who: dict[str, User]
) -> None:
    deviations = Deviation.objects.bulk_create(
        Deviation(
            **of,
            code=f"EX-{at + 100}",
            control=test.control,
            test=test,
            title="Done late",
            description="One of the items was done nine days late.",
            cause="Nobody stood in.",
            type="isolated",
            extent="One item.",
            evaluation="Nothing came of it.",
            effect="criterion_failed",
            state="concluded",
            released_at=timezone.now(),
            raised_by=who["sana"],
            evaluated_by=who["milan"],
            evaluated_at=timezone.now(),
            concluded_by=who["petra"],
            concluded_at=timezone.now(),
        )
        for at, test in enumerate(tests)
    )
    bad = {cell.item.test_id: cell for cell in cells if cell.outcome == "d"}
    DeviationCell.objects.bulk_create(
        DeviationCell(**of, deviation=one, cell=bad[one.test_id]) for one in deviations
    )
    FailedCriterion.objects.bulk_create(
        FailedCriterion(**of, deviation=one, criterion_id="CC6.3") for one in deviations
    )
    ManagementResponse.objects.bulk_create(
        ManagementResponse(**of, deviation=one, text="One stands in now.", by=who["carla"]) for one in deviations
    )


def busiest(engagement: Engagement) -> dict[str, str]:
    """The addresses of the pages that people look at most, by name."""
    pk = engagement.pk
    test = ControlTest.objects.get(engagement=engagement, control__number="CTL-001")
    population = Population.objects.filter(engagement=engagement).order_by("pk")[0]
    return {
        "home": reverse("home"),
        "engagements": reverse("engagements:list"),
        "overview": reverse("engagements:overview", args=[pk]),
        "in the way": reverse("engagements:in_the_way", args=[pk]),
        "scope": reverse("engagements:scope", args=[pk]),
        "criterion": reverse("engagements:criterion", args=[pk, "CC6.1"]),
        "components": reverse("engagements:register", args=[pk, "components"]),
        "controls": reverse("engagements:controls", args=[pk]),
        "control": reverse("engagements:control", args=[pk, "CTL-001"]),
        "team": reverse("engagements:team", args=[pk]),
        "activity": reverse("engagements:activity", args=[pk]),
        "requests": reverse("evidence:requests", args=[pk]),
        "request": reverse("evidence:request", args=[pk, "REQ-100"]),
        "files": reverse("evidence:files", args=[pk]),
        "file": reverse("evidence:file", args=[pk, "E-100"]),
        "populations": reverse("evidence:populations", args=[pk]),
        "population": reverse("evidence:population", args=[pk, population.pk]),
        "testing list": reverse("fieldwork:testing", args=[pk]),
        "test sheet": reverse("fieldwork:test", args=[pk, test.pk]),
        "exceptions": reverse("fieldwork:exceptions", args=[pk]),
        "exception": reverse("fieldwork:exception", args=[pk, "EX-100"]),
        "description": reverse("reports:description", args=[pk]),
        "statements": reverse("reports:statements", args=[pk]),
        "opinion": reverse("reports:opinion", args=[pk]),
        "report": reverse("reports:report", args=[pk]),
        "report as text": reverse("reports:text", args=[pk]),
        "firm": reverse("accounts:firm"),
    }
