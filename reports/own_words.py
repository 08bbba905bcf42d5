"""The firm's own words for paragraphs of Section I: written, proposed, approved by a partner who wrote none of it.

What is approved is printed in drafts made from then on; a draft keeps the words it was made with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import Firm, FirmMember, User
from audit.trail import action, record
from reports import prose, reading, wording
from reports.content import Limb, Snapshot, Wording
from reports.models import OwnWording

WRITTEN = action("wording.written", "wrote {wording} in the firm's own words", firm_only=True)
PROPOSED = action("wording.proposed", "proposed {wording}", firm_only=True)
RETURNED = action("wording.returned", "returned {wording}: {reason}", firm_only=True)
APPROVED = action("wording.approved", "approved {wording}", firm_only=True)
RETIRED = action("wording.retired", "took {wording} out of use: {reason}", firm_only=True)
DISCARDED = action("wording.discarded", "discarded the draft {wording}", firm_only=True)

State = OwnWording.State
LONGEST = 20_000


@transaction.atomic
def write(firm: Firm, *, element: str, report_type: str, text: str, note: str, by: User) -> OwnWording:
    """Begin the next version of a paragraph. Raises PermissionDenied, ValidationError by field."""
    _must_belong(firm, by)
    if element not in wording.OWN:
        raise ValidationError({"element": "There is no such paragraph."})
    if report_type not in {"", "1", "2"}:
        raise ValidationError({"report_type": "Type 1, Type 2, or both."})
    text = checked(element, text)
    Firm.objects.select_for_update().get(pk=firm.pk)
    last = OwnWording.objects.filter(firm=firm, element=element).aggregate(last=Max("version"))["last"] or 0
    made = OwnWording.objects.create(
        firm=firm,
        element=element,
        report_type=report_type,
        version=last + 1,
        text=text,
        note=note.strip(),
        written_by=by,
        written_at=timezone.now(),
    )
    record(WRITTEN, by=by, firm=firm, target=made, wording=str(made))
    return made


@transaction.atomic
def edit(found: OwnWording, *, text: str, note: str, by: User) -> OwnWording:
    """Change a draft. Raises PermissionDenied, ValidationError by field."""
    made = _own(found, by)
    _must_be(made, State.DRAFT)
    made.text, made.note = checked(made.element, text), note.strip()
    # Whoever changed it last has written it: that person does not approve it.
    made.written_by, made.written_at = by, timezone.now()
    made.save(update_fields=["text", "note", "written_by", "written_at"])
    record(WRITTEN, by=by, firm=made.firm, target=made, wording=str(made))
    return made


@transaction.atomic
def propose(found: OwnWording, *, by: User) -> OwnWording:
    """Hand a draft to the partners. Raises PermissionDenied, ValidationError."""
    made = _own(found, by)
    _must_be(made, State.DRAFT)
    checked(made.element, made.text)
    if not made.note:
        raise ValidationError("Say what changes and why: whoever approves it reads that.")
    made.state = State.PROPOSED
    made.save(update_fields=["state"])
    record(PROPOSED, by=by, firm=made.firm, target=made, wording=str(made))
    return made


@transaction.atomic
def return_(found: OwnWording, *, reason: str, by: User) -> OwnWording:
    """Give a proposed version back. Raises PermissionDenied, ValidationError."""
    made = _own(found, by)
    _must_be(made, State.PROPOSED)
    if not reason.strip():
        raise ValidationError("Say why it is returned.")
    made.state = State.DRAFT
    made.save(update_fields=["state"])
    record(RETURNED, by=by, firm=made.firm, target=made, wording=str(made), reason=reason.strip())
    return made


@transaction.atomic
def discard(found: OwnWording, *, by: User) -> None:
    """Take a draft away. Raises PermissionDenied, ValidationError."""
    made = _own(found, by)
    _must_be(made, State.DRAFT)
    record(DISCARDED, by=by, firm=made.firm, target=made, wording=str(made), text=made.text)
    made.delete()


@transaction.atomic
def approve(found: OwnWording, *, by: User) -> OwnWording:
    """Put a proposed version in force; it retires the one before.

    Raises PermissionDenied unless the person accepts engagements for the firm, ValidationError when it is not
    proposed or the person wrote it and the firm has another partner.
    """
    partners = FirmMember.objects.filter(firm=found.firm, may_accept=True, user__is_active=True)
    if not partners.filter(user=by).exists():
        raise PermissionDenied("Only a partner of the firm approves the words of its report.")
    made = _own(found, by)
    _must_be(made, State.PROPOSED)
    if made.written_by_id == by.pk and partners.exclude(user=by).exists():
        raise ValidationError("Whoever wrote it does not approve it: another partner of the firm does.")
    checked(made.element, made.text)
    now = timezone.now()
    OwnWording.objects.filter(
        firm=made.firm, element=made.element, report_type=made.report_type, state=State.APPROVED
    ).update(state=State.RETIRED, retired_at=now)
    made.state, made.approved_by, made.approved_at = State.APPROVED, by, now
    made.save(update_fields=["state", "approved_by", "approved_at"])
    record(APPROVED, by=by, firm=made.firm, target=made, wording=str(made), text=made.text)
    return made


@transaction.atomic
def retire(found: OwnWording, *, reason: str, by: User) -> OwnWording:
    """Go back to the product's words. Raises PermissionDenied (a partner's act), ValidationError."""
    if not FirmMember.objects.filter(firm=found.firm, user=by, may_accept=True).exists():
        raise PermissionDenied("Only a partner of the firm decides on the words of its report.")
    made = _own(found, by)
    _must_be(made, State.APPROVED)
    if not reason.strip():
        raise ValidationError("Say why it is taken out of use.")
    made.state, made.retired_at = State.RETIRED, timezone.now()
    made.save(update_fields=["state", "retired_at"])
    record(RETIRED, by=by, firm=made.firm, target=made, wording=str(made), reason=reason.strip())
    return made


def checked(element: str, text: str) -> str:
    """The text as it is kept. Raises ValidationError: empty, too long, facts that do not exist."""
    text = text.replace("\r\n", "\n").replace("\x00", "").strip()
    inline = element.startswith("limb_")
    if not text:
        raise ValidationError({"text": "Write the paragraph."})
    if len(text) > LONGEST:
        raise ValidationError({"text": f"At most {LONGEST:,} characters, please."})
    unknown = wording.unknown_facts(text, inline=inline)
    if unknown:
        raise ValidationError({"text": f"There is no fact named {', '.join('{' + one + '}' for one in unknown)}."})
    return " ".join(text.split()) if inline else text


def _own(found: OwnWording, by: User) -> OwnWording:
    _must_belong(found.firm, by)
    return OwnWording.objects.select_for_update(of=("self",)).select_related("firm").get(pk=found.pk)


def _must_be(made: OwnWording, state: State) -> None:
    if made.state != state:
        raise ValidationError(f"{made} is {made.get_state_display().lower()}.")


def _must_belong(firm: Firm, by: User) -> None:
    if not FirmMember.objects.filter(firm=firm, user=by, user__is_active=True).exists():
        raise PermissionDenied("The words of the report are the firm's.")


# The difference, for those who review it


@dataclass(frozen=True)
class Beside:
    """A paragraph in the product's words and in the firm's, both with the facts of a report."""

    element: str
    version: int
    product: str
    own: str
    markdown: str
    applies: bool  # whether the report prints it at all


def used(snapshot: Snapshot) -> list[str]:
    """The paragraphs that a report prints in the firm's own words."""
    return [one.element for one in beside(snapshot) if one.applies]


def beside(snapshot: Snapshot) -> list[Beside]:
    """Every paragraph of a report that the firm has words of its own for."""
    return [_beside(snapshot, one) for one in snapshot["wording"]]


def shown(found: OwnWording, snapshot: Snapshot) -> Beside:
    """A version with the facts of a report, whether that has it or not."""
    return _beside(snapshot, Wording(element=found.element, version=found.version, text=found.text))


def _beside(snapshot: Snapshot, one: Wording) -> Beside:
    words = wording.Phrases({**snapshot, "wording": [one]})
    limb = one["element"].removeprefix("limb_")
    inline = limb != one["element"]
    markdown = wording.filled(one["text"], words, inline=inline)
    context: dict[str, Any] = {"s": snapshot, "w": words}
    if inline:
        template = f"report/opinion/_limb_{limb}.html"
        context["text"] = text = words.limb.get(cast(Limb, limb))
        there, printed = text is not None, bool(text and text.own)
    else:
        template = f"report/opinion/_{one['element']}.html"
        element = next((element for element in words.elements if element.key == one["element"]), None)
        there, printed = element is not None, bool(element and element.own)
    # What a report has no place for, such as a paragraph on a Section V that is not there, cannot be worded.
    product = reading.plain(render_to_string(template, context)) if there else ""
    own = markdown if inline else reading.plain(prose.to_html(markdown))
    return Beside(one["element"], one["version"], product, own, markdown, printed)
