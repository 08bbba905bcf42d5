"""What changed in the description since the client's last report: its prose, and its registers line by line.

The last report is the one issued for an earlier time, as it was issued. Only who may read that report is shown what
it said: a role in this engagement gives none in that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from accounts.models import User
from engagements.models import FIRM_ROLES, Engagement, Role
from engagements.roles import roles_with
from reports import differences
from reports.content import Snapshot
from reports.models import Issuance, Part
from reports.snapshot import build, sections_of


@dataclass(frozen=True)
class Last:
    """The report before this one: the engagement it was issued in, and which issuance it is."""

    engagement: Engagement
    issuance: int
    number: str

    def snapshot(self) -> Any:
        return Issuance.objects.values_list("snapshot", flat=True).get(pk=self.issuance)

    def prose(self) -> dict[str, str]:
        """What it said in each part of the description."""
        parts = Issuance.objects.values_list("snapshot__description", flat=True).get(pk=self.issuance)
        return {part["code"]: part["text"] for part in parts or []}


def last_report(engagement: Engagement, *, by: User) -> Last | None:
    """The newest report of this client for an earlier time that this person may read, best of this system.

    Not one that was withdrawn: nobody may rely on what it said.
    """
    issued = Issuance.objects.filter(
        Q(engagement__members__independence_confirmed_at__isnull=False)
        | Q(engagement__members__role__in=[role.value for role in Role if role not in FIRM_ROLES]),
        engagement__members__user=by,
        engagement__members__role__in=roles_with("see_report"),
        engagement__client=engagement.client_id,
        engagement__firm=engagement.firm_id,
        state=Issuance.State.CURRENT,
    ).exclude(engagement=engagement.pk)
    found = [
        Last(one.engagement, one.pk, one.number)
        for one in issued.select_related("engagement").defer("snapshot", "prepared")
        if one.engagement.ends_on < engagement.ends_on
    ]
    return max(
        found,
        key=lambda one: (one.engagement.system_name == engagement.system_name, one.engagement.ends_on),
        default=None,
    )


def prose_since(engagement: Engagement, last: Last, part: Part | str) -> differences.Changes:
    """The lines of a part's prose that changed."""
    section = sections_of(engagement).get(Part(part).value)
    old = last.prose().get(Part(part).value, "")
    return differences.Changes(Part(part).value, differences.lines(old, section.body if section else ""))


def since(engagement: Engagement, last: Last) -> list[differences.Changes]:
    """What changed part by part, registers included."""
    return differences.between(texts(last.snapshot()), texts(build(engagement)))


def texts(snapshot: Snapshot) -> dict[str, str]:
    """Each part of a description as lines: its prose, then an entry of its register a line."""
    written = {part["code"]: part["text"].strip() for part in snapshot["description"]}
    entries = _entries(snapshot)
    found = {}
    for part in Part:
        lines = [one for one in (written.get(part.value, ""), *entries.get(part, [])) if one]
        if part != Part.OTHER:
            found[part.value] = "\n".join(lines)
    return found


def _entries(snapshot: Snapshot) -> Mapping[Part, list[str]]:
    subservices = []
    for one in snapshot["subservices"]:
        method = "carved out" if one["method"] == "carve_out" else "included"
        subservices.append(f"{one['name']}: {one['services']} ({method})")
        subservices += [f"{csoc['code']} {csoc['text']}" for csoc in one["csocs"]]
    incidents = [one for one in snapshot["incidents"] if one["disclosed"]]
    return {
        Part.DC2: [f"{one['kind'].capitalize()}: {one['text']}" for one in snapshot["commitments"]],
        Part.DC3: [
            f"{one['name']}: {one['description']}" + ("" if one["in_boundary"] else " (outside the boundary)")
            for one in snapshot["components"]
        ],
        Part.DC4: [f"{one['title']}: {one['text']}" for one in incidents],
        Part.DC5: [f"{one['number']} {one['wording']}" for one in snapshot["controls"]],
        Part.DC6: [f"{one['code']} {one['text']}" for one in snapshot["cuecs"]],
        Part.DC7: subservices,
        Part.DC8: [f"{one['code']}: {one['reason']}" for one in snapshot["criteria"] if not one["relevant"]],
        Part.DC9: [f"{one['title']}: {one['text']}" for one in snapshot["changes"]],
    }
