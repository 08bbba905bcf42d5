"""Management's description of its system: the client's side writes it, the firm reads it (independence)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.models import (
    Commitment,
    ComplementaryControl,
    Component,
    Control,
    Engagement,
    Incident,
    NotRelevantCriterion,
    SubserviceOrganization,
    SystemChange,
)
from engagements.roles import require
from engagements.workflow import WORKING, locked, must_be
from reports.models import DescriptionRevision, DescriptionSection, Part, SystemDescription
from reports.snapshot import description_title, parts_of, sections_of

STARTED = action("description.started", "started the system description")
SAVED = action("description.saved", "edited {part} of the description")
RETITLED = action("description.retitled", "changed the title of the description")
COMPLETED = action("description.completed", "completed the system description")

# What belongs into each part, in our words; shown beside the editor.
GUIDE: dict[Part, str] = {
    Part.DC1: "Which services the system provides, to whom, and what it is used for.",
    Part.DC2: "The principal commitments made to user entities, and what the system must do to meet them. "
    "The register of commitments is printed below the text.",
    Part.DC3: "Infrastructure, software, people, data and procedures, and where the system's boundary runs. "
    "The register of components is printed below the text.",
    Part.DC4: "How incidents are identified and handled, and those of the time examined that readers need to know "
    "of: nature, timing, effect, disposition. Where there were none, say so.",
    Part.DC5: "How the control environment, risk assessment, communication, monitoring and control activities "
    "work. The criteria and the controls that meet them are printed below; do not restate controls here.",
    Part.DC6: "What user entities must do themselves for the commitments to be achieved. Where nothing is needed "
    "of them, say so.",
    Part.DC7: "Which organizations' controls are necessary along with your own, and how you watch them. Where "
    "there are none, say so.",
    Part.DC8: "Which criteria of the categories examined do not apply to the system, and why. Where all apply, "
    "say so.",
    Part.DC9: "What changed in the system and its controls during the period that matters to readers. Where "
    "nothing did, say so.",
    Part.OTHER: "Optional. Plans, responses, or background that is not part of the description. The auditor "
    "gives no opinion on it.",
}


class Stale(ValidationError):
    """Somebody else saved the part meanwhile; `section` holds the text as it stands now."""

    def __init__(self, section: DescriptionSection) -> None:
        self.section = section
        super().__init__(
            f"{section.updated_by} saved this part while you were writing. Your text is still here: bring the two "
            "together and save again."
        )


@dataclass(frozen=True)
class Gap:
    """Something the description still lacks, and in which part."""

    part: Part
    text: str


@transaction.atomic
def start(engagement: Engagement, *, by: User) -> SystemDescription:
    """Make the description with an empty text for each of its parts; once made it is given back as it is.

    Raises PermissionDenied (only the client's side writes it), WrongStage.
    """
    engagement = locked(engagement)
    require(engagement, by, "edit_description")
    must_be(engagement, *WORKING)
    description, created = SystemDescription.objects.get_or_create(
        engagement=engagement, defaults={"title": description_title(engagement)[:200]}
    )
    have = set(DescriptionSection.objects.filter(engagement=engagement).values_list("part", flat=True))
    DescriptionSection.objects.bulk_create(
        DescriptionSection(engagement=engagement, part=part)
        for part in parts_of(engagement)
        if part.value not in have
    )
    if created:
        record(STARTED, by=by, engagement=engagement, target=description)
    return description


@transaction.atomic
def save_section(
    engagement: Engagement, part: Part | str, *, body: str, version: int, by: User
) -> DescriptionSection:
    """Save the text of a part; `version` is the one the person began from.

    Each save is a revision, and any change un-completes the description (other information is not part of it).
    Saving the same text changes nothing.
    Raises PermissionDenied, WrongStage, Stale, ValidationError when the description is not started.
    """
    engagement = locked(engagement)
    require(engagement, by, "edit_description")
    must_be(engagement, *WORKING)
    section = (
        DescriptionSection.objects.select_for_update(of=("self",))
        .select_related("updated_by")
        .filter(engagement=engagement, part=part)
        .first()
    )
    if section is None:
        raise ValidationError("Start the description first.")
    body = body.replace("\r\n", "\n").replace("\x00", "")
    if body == section.body:
        return section
    if version != section.version:
        raise Stale(section)
    section.body, section.version = body, section.version + 1
    section.updated_by, section.updated_at = by, timezone.now()
    section.save(update_fields=["body", "version", "updated_by", "updated_at"])
    DescriptionRevision.objects.create(
        engagement=engagement, section=section, version=section.version, body=body, by=by
    )
    if section.part != Part.OTHER:
        _reopen(engagement)
    record(SAVED, by=by, engagement=engagement, target=section, part=str(section), version=section.version)
    return section


@transaction.atomic
def retitle(engagement: Engagement, *, title: str, by: User) -> SystemDescription:
    """Give the description another title: Sections I, II and III quote it.

    Raises PermissionDenied, WrongStage, ValidationError for an empty or overlong title.
    """
    engagement = locked(engagement)
    require(engagement, by, "edit_description")
    must_be(engagement, *WORKING)
    title = " ".join(title.split())
    if not title or len(title) > 200:
        raise ValidationError({"title": "A title of at most 200 characters, please."})
    description = SystemDescription.objects.filter(engagement=engagement).first()
    if description is None:
        raise ValidationError("Start the description first.")
    if title != description.title:
        old, description.title = description.title, title
        description.save(update_fields=["title"])
        _reopen(engagement)
        record(RETITLED, by=by, engagement=engagement, target=description, old=old)
    return description


@transaction.atomic
def complete(engagement: Engagement, *, by: User) -> SystemDescription:
    """Declare the description complete: the assertion is made on it.

    Raises PermissionDenied, WrongStage, ValidationError that lists everything that is missing.
    """
    engagement = locked(engagement)
    require(engagement, by, "edit_description")
    must_be(engagement, *WORKING)
    description = SystemDescription.objects.filter(engagement=engagement).first()
    if description is None:
        raise ValidationError("Start the description first.")
    gaps = missing(engagement)
    if gaps:
        raise ValidationError([f"{gap.part.value}: {gap.text}" for gap in gaps])
    if description.completed_at is None:
        description.completed_by, description.completed_at = by, timezone.now()
        description.save(update_fields=["completed_by", "completed_at"])
        record(COMPLETED, by=by, engagement=engagement, target=description)
    return description


def _reopen(engagement: Engagement) -> None:
    SystemDescription.objects.filter(engagement=engagement, completed_at__isnull=False).update(
        completed_at=None, completed_by=None
    )


def missing(engagement: Engagement) -> list[Gap]:
    """What the description lacks, part by part: an empty field says nothing, so "none" has to be said in words."""
    written = sections_of(engagement)
    empty = {part for part in parts_of(engagement) if part not in written or not written[part].body.strip()}
    registers = _registers(engagement)
    gaps = []
    for part in parts_of(engagement):
        if part == Part.OTHER:
            continue
        if part in empty:
            gaps.append(Gap(part, _NONE.get(part, "") if registers.get(part) is False else _EMPTY))
        if part in _NEEDED and not registers[part]:
            gaps.append(Gap(part, _NEEDED[part]))
    if not registers[Part.DC4] and not engagement.incidents_none_statement.strip():
        gaps.append(Gap(Part.DC4, "No incident is registered, and no statement says that there was none."))
    if engagement.is_type_2 and not registers[Part.DC9] and not engagement.changes_none_statement.strip():
        gaps.append(Gap(Part.DC9, "No change is registered, and no statement says that there was none."))
    return gaps


_EMPTY = "The part is empty."
_NONE = {
    Part.DC4: "The part is empty. Say how incidents are handled, and that there was none to disclose.",
    Part.DC6: "The part is empty and there is no complementary user entity control. Say so in words.",
    Part.DC7: "The part is empty and there is no subservice organization. Say so in words.",
    Part.DC8: "The part is empty and every criterion is relevant. Say so in words.",
    Part.DC9: "The part is empty and no change is registered. Say so in words.",
    Part.DC2: _EMPTY,
    Part.DC3: _EMPTY,
    Part.DC5: _EMPTY,
}
_NEEDED = {
    Part.DC2: "The register of commitments and requirements is empty.",
    Part.DC3: "The register of components is empty.",
    Part.DC5: "No control is in scope.",
}


def _registers(engagement: Engagement) -> dict[Part, bool]:
    """Whether the register behind a part has entries."""
    of = {"engagement": OuterRef("pk")}
    registers: dict[Part, Any] = {
        Part.DC2: Commitment.objects.filter(**of),
        Part.DC3: Component.objects.filter(**of),
        Part.DC4: Incident.objects.filter(**of),
        Part.DC5: Control.objects.filter(**of).in_scope(),
        Part.DC6: ComplementaryControl.objects.filter(**of, kind=ComplementaryControl.Kind.CUEC),
        Part.DC7: SubserviceOrganization.objects.filter(**of),
        Part.DC8: NotRelevantCriterion.objects.filter(**of),
        Part.DC9: SystemChange.objects.filter(**of),
    }
    names = {part: part.name.lower() for part in registers}
    asked = {names[part]: Exists(rows) for part, rows in registers.items()}
    found: dict[str, bool] = (
        Engagement.objects.filter(pk=engagement.pk).annotate(**asked).values(*names.values()).get()
    )
    return {part: found[name] for part, name in names.items()}
