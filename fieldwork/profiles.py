"""The firm's sampling profile: nothing is drawn before the firm has approved one as its own.

A version is written, proposed and approved; approving retires the version before. Whoever wrote it does not approve
it where the firm has another administrator. A profile that ships with the product has no author in the firm and is
approved as it is.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import Firm, FirmMember, User
from audit.trail import action, record
from fieldwork import sizes as sized
from fieldwork.models import SamplingProfile

APPROVED = action("sampling.profile_approved", "approved the sampling profile {profile}", firm_only=True)
WRITTEN = action("sampling.profile_written", "wrote the sampling profile {profile}", firm_only=True)
PROPOSED = action("sampling.profile_proposed", "proposed the sampling profile {profile}", firm_only=True)
RETURNED = action("sampling.profile_returned", "returned the sampling profile {profile}: {reason}", firm_only=True)
DISCARDED = action("sampling.profile_discarded", "discarded the draft {profile}", firm_only=True)

State = SamplingProfile.State
MAX_IMPORTED = 20


@transaction.atomic
def approve(firm: Firm, profile: SamplingProfile, by: User) -> SamplingProfile:
    """Approve the firm's proposed version, or a shipped profile as the firm's own next version.

    Samples drawn from here on follow it; those drawn before keep theirs. Raises PermissionDenied unless the
    person administers the firm, ValidationError when the person wrote it and the firm has another administrator,
    when it is not proposed, or gives no sizes.
    """
    administrators = FirmMember.objects.filter(firm=firm, is_admin=True, user__is_active=True)
    if not administrators.filter(user=by).exists():
        raise PermissionDenied("Only an administrator of the firm approves its sampling profile.")
    Firm.objects.select_for_update().get(pk=firm.pk)
    if profile.firm_id is None:
        made = _next(firm, profile, by=None)
    else:
        made = _own(firm, profile)
        if made.state != State.PROPOSED:
            raise ValidationError(
                f"{made} is {made.get_state_display().lower()}: only what is proposed is approved."
            )
        if made.written_by_id == by.pk and administrators.exclude(user=by).exists():
            raise ValidationError("Whoever wrote it does not approve it: another administrator of the firm does.")
    sized.checked(made.sizes)
    SamplingProfile.objects.filter(firm=firm, state=State.APPROVED).update(state=State.RETIRED)
    made.state, made.approved_by, made.approved_at = State.APPROVED, by, timezone.now()
    made.save()
    record(APPROVED, by=by, firm=firm, target=made, profile=str(made), sizes=made.sizes)
    return made


@transaction.atomic
def write(firm: Firm, base: SamplingProfile, by: User) -> SamplingProfile:
    """Begin the next version as a copy of a shipped profile or of one of the firm's. Raises PermissionDenied."""
    _must_belong(firm, by)
    if base.firm_id not in {None, firm.pk}:
        raise PermissionDenied("This profile is another firm's.")
    Firm.objects.select_for_update().get(pk=firm.pk)
    made = _next(firm, base, by=by)
    made.save()
    record(WRITTEN, by=by, firm=firm, target=made, profile=str(made), based_on=str(base))
    return made


@transaction.atomic
def edit(firm: Firm, profile: SamplingProfile, *, name: str, note: str, sizes: Any, by: User) -> SamplingProfile:
    """Change a draft. Raises PermissionDenied, ValidationError by field."""
    _must_belong(firm, by)
    made = _own(firm, profile)
    _must_be_draft(made)
    problems: dict[str, list[str]] = {}
    if not name.strip():
        problems["name"] = ["Give the profile a name."]
    try:
        new = sized.checked(sizes)
    except ValidationError as error:
        problems["sizes"] = error.messages
    if problems:
        raise ValidationError(problems)
    changed = [change.name for change in sized.changes(made.sizes, new)]
    made.name, made.note, made.sizes = name.strip()[:120], note.strip(), new
    # Whoever changed it last has written it: that person does not approve it.
    made.written_by, made.written_at = by, timezone.now()
    made.save(update_fields=["name", "note", "sizes", "written_by", "written_at"])
    record(WRITTEN, by=by, firm=firm, target=made, profile=str(made), changed=changed)
    return made


@transaction.atomic
def propose(firm: Firm, profile: SamplingProfile, by: User) -> SamplingProfile:
    """Hand a draft to the firm's administrators. Raises PermissionDenied, ValidationError."""
    _must_belong(firm, by)
    made = _own(firm, profile)
    _must_be_draft(made)
    sized.checked(made.sizes)
    if made.based_on is not None and not sized.changes(made.based_on.sizes, made.sizes):
        raise ValidationError(f"It has the sizes of {made.based_on}: there is nothing to approve.")
    if not made.note:
        raise ValidationError("Say what changes and why: whoever approves it reads that.")
    made.state, made.proposed_at, made.returned_reason = State.PROPOSED, timezone.now(), ""
    made.save(update_fields=["state", "proposed_at", "returned_reason"])
    record(PROPOSED, by=by, firm=firm, target=made, profile=str(made))
    return made


@transaction.atomic
def return_(firm: Firm, profile: SamplingProfile, *, reason: str, by: User) -> SamplingProfile:
    """Give a proposed version back to be worked on, with a reason. Raises PermissionDenied, ValidationError."""
    _must_belong(firm, by)
    made = _own(firm, profile)
    if made.state != State.PROPOSED:
        raise ValidationError(f"{made} is not proposed.")
    if not reason.strip():
        raise ValidationError("Say why it is returned.")
    made.state, made.returned_reason = State.DRAFT, reason.strip()
    made.save(update_fields=["state", "returned_reason"])
    record(RETURNED, by=by, firm=firm, target=made, profile=str(made), reason=made.returned_reason)
    return made


@transaction.atomic
def discard(firm: Firm, profile: SamplingProfile, by: User) -> None:
    """Take a draft away; nothing was drawn by it. Raises PermissionDenied, ValidationError."""
    _must_belong(firm, by)
    made = _own(firm, profile)
    _must_be_draft(made)
    record(DISCARDED, by=by, firm=firm, target=made, profile=str(made), sizes=made.sizes)
    made.delete()


@transaction.atomic
def import_file(firm: Firm, content: bytes, by: User) -> list[SamplingProfile]:
    """Drafts from a JSON file of profiles in the form of the shipped one. All or none.

    Raises PermissionDenied, ValidationError with every problem, each with the profile's name.
    """
    _must_belong(firm, by)
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValidationError("The file is not JSON in UTF-8.") from error
    if not isinstance(found, dict) or not found:
        raise ValidationError("The file holds an object of profiles by their names.")
    if len(found) > MAX_IMPORTED:
        raise ValidationError(f"{len(found)} profiles are more than {MAX_IMPORTED}.")
    problems: list[str] = []
    ready: dict[str, dict[str, Any]] = {}
    for name, sizes in found.items():
        try:
            ready[name] = sized.checked(sizes)
        except ValidationError as error:
            problems += [f"{name[:60]}: {message}" for message in error.messages]
    if problems:
        raise ValidationError(problems)
    Firm.objects.select_for_update().get(pk=firm.pk)
    return [_imported(firm, name, sizes, by) for name, sizes in ready.items()]


def _imported(firm: Firm, name: str, sizes: dict[str, Any], by: User) -> SamplingProfile:
    code = name.strip()[:60] or "imported"
    made = SamplingProfile.objects.create(
        firm=firm,
        code=code,
        version=_last(firm, code) + 1,
        name=name.replace("_", " ").strip().capitalize()[:120] or "Imported",
        source=str(sizes.get("source", ""))[:200],
        sizes=sizes,
        state=State.DRAFT,
        written_by=by,
        written_at=timezone.now(),
    )
    record(WRITTEN, by=by, firm=firm, target=made, profile=str(made), imported=True)
    return made


def _next(firm: Firm, base: SamplingProfile, by: User | None) -> SamplingProfile:
    return SamplingProfile(
        firm=firm,
        code=base.code,
        version=_last(firm, base.code) + 1,
        name=base.name,
        source=base.source,
        sizes=base.sizes,
        state=State.DRAFT,
        based_on=base,
        written_by=by,
        written_at=timezone.now() if by else None,
    )


def _last(firm: Firm, code: str) -> int:
    return SamplingProfile.objects.filter(firm=firm, code=code).aggregate(last=Max("version"))["last"] or 0


def _own(firm: Firm, profile: SamplingProfile) -> SamplingProfile:
    return SamplingProfile.objects.select_for_update().get(pk=profile.pk, firm=firm)


def _must_be_draft(profile: SamplingProfile) -> None:
    if profile.state != State.DRAFT:
        raise ValidationError(f"{profile} is {profile.get_state_display().lower()} and does not change any more.")


def _must_belong(firm: Firm, by: User) -> None:
    if not FirmMember.objects.filter(firm=firm, user=by, user__is_active=True).exists():
        raise PermissionDenied("Sampling is the firm's.")
