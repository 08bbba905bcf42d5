"""What may impair the firm's independence of the client: other services, and relations to providers of tools.

The manager or the partner records it, the partner concludes on it (R04, R05). A change of what was recorded takes
the conclusion back. Where there is nothing of a kind, somebody has to say so.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.models import (
    Engagement,
    IndependenceThreat,
    NonAttestService,
    NoThreatStatement,
    ProviderRelation,
    Stage,
)
from engagements.roles import require
from engagements.workflow import WORKING, locked, must_be

RECORDED = action(
    "independence.recorded", "recorded {target} as something that may touch independence", firm_only=True
)
REVISED = action("independence.revised", "changed what is recorded of {target}", firm_only=True)
CONCLUDED = action("independence.concluded", "concluded on {target}: {effect}", firm_only=True)
REMOVED = action("independence.removed", "took {label} off the record: {reason}", firm_only=True)
NONE_STATED = action("independence.none_stated", "stated: {target}", firm_only=True)

KINDS: dict[str, type[NonAttestService] | type[ProviderRelation]] = {
    "services": NonAttestService,
    "providers": ProviderRelation,
}


def _open(engagement: Engagement) -> Engagement:
    engagement = locked(engagement)
    must_be(engagement, Stage.ACCEPTANCE, *WORKING)
    return engagement


@transaction.atomic
def enter(engagement: Engagement, kind: str, *, by: User, **fields: Any) -> IndependenceThreat:
    """Record a service ("services") or a relation ("providers").

    Raises PermissionDenied, WrongStage, ValidationError for what is missing.
    """
    engagement = _open(engagement)
    require(engagement, by, "manage_engagement")
    entry = KINDS[kind](engagement=engagement, recorded_by=by, **fields)
    entry.full_clean()
    entry.save()
    record(RECORDED, by=by, engagement=engagement, target=entry, kind=kind)
    return entry


@transaction.atomic
def revise(entry: IndependenceThreat, *, by: User, **fields: Any) -> IndependenceThreat:
    """Change what is recorded; the partner has to conclude anew.

    Raises PermissionDenied, WrongStage, ValidationError.
    """
    engagement = _open(entry.engagement)
    require(engagement, by, "manage_engagement")
    entry = type(entry).objects.select_for_update().get(engagement=engagement, pk=entry.pk)  # type: ignore[attr-defined]
    old = {name: getattr(entry, name) for name in fields}
    for name, value in fields.items():
        setattr(entry, name, value)
    entry.full_clean()
    changes = {name: [str(old[name]), str(value)] for name, value in fields.items() if old[name] != value}
    if changes:
        entry.effect, entry.conclusion, entry.concluded_by, entry.concluded_at = "", "", None, None
        entry.save()
        record(REVISED, by=by, engagement=engagement, target=entry, values=changes)
    return entry


@transaction.atomic
def conclude(entry: IndependenceThreat, *, effect: str, conclusion: str, by: User) -> IndependenceThreat:
    """The partner says what the threats come to, and why.

    Raises PermissionDenied, WrongStage, ValidationError without a reason or for safeguards that are not named.
    """
    engagement = _open(entry.engagement)
    require(engagement, by, "accept_engagement")
    entry = type(entry).objects.select_for_update().get(engagement=engagement, pk=entry.pk)  # type: ignore[attr-defined]
    if not conclusion.strip():
        raise ValidationError({"conclusion": "Say why."})
    if effect == IndependenceThreat.Effect.SAFEGUARDED and not entry.safeguards.strip():
        raise ValidationError({"effect": "No safeguard is recorded: name it first."})
    entry.effect, entry.conclusion = IndependenceThreat.Effect(effect), conclusion.strip()
    entry.concluded_by, entry.concluded_at = by, timezone.now()
    entry.save(update_fields=["effect", "conclusion", "concluded_by", "concluded_at"])
    label = str(entry.get_effect_display())
    record(CONCLUDED, by=by, engagement=engagement, target=entry, effect=label[0].lower() + label[1:])
    return entry


@transaction.atomic
def remove(entry: IndependenceThreat, *, reason: str, by: User) -> None:
    """Take off what was recorded by mistake; the trail keeps it with the reason.

    Raises PermissionDenied, WrongStage, ValidationError without a reason.
    """
    engagement = _open(entry.engagement)
    require(engagement, by, "accept_engagement")
    if not reason.strip():
        raise ValidationError({"reason": "Say why it does not belong here."})
    record(
        REMOVED,
        by=by,
        engagement=engagement,
        target=entry,
        label=str(entry),
        reason=reason.strip(),
        threats=entry.threats,
        safeguards=entry.safeguards,
        effect=entry.effect,
    )
    entry.delete()


@transaction.atomic
def state_none(engagement: Engagement, kind: str, *, by: User) -> NoThreatStatement:
    """State that there is nothing of the kind.

    Raises PermissionDenied, WrongStage, ValidationError where something is recorded, or this is stated already.
    """
    engagement = _open(engagement)
    require(engagement, by, "manage_engagement")
    if KINDS[kind].objects.filter(engagement=engagement).exists():
        raise ValidationError("Something of the kind is recorded.")
    if stated_none(engagement, kind) is not None:
        raise ValidationError("This is stated already.")
    made = NoThreatStatement.objects.create(engagement=engagement, kind=kind, by=by)
    record(NONE_STATED, by=by, engagement=engagement, target=made)
    return made


def stated_none(engagement: Engagement, kind: str) -> NoThreatStatement | None:
    """The statement that there is nothing of the kind. It counts as long as nothing of the kind is recorded."""
    return NoThreatStatement.objects.filter(engagement=engagement, kind=kind).select_related("by").first()
