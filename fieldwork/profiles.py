"""The firm's sampling profile: nothing is drawn before the firm has approved one as its own."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import Firm, FirmMember, User
from audit.trail import action, record
from fieldwork.models import SamplingProfile

APPROVED = action("sampling.profile_approved", "approved the sampling profile {profile}", firm_only=True)


@transaction.atomic
def approve(firm: Firm, shipped: SamplingProfile, by: User) -> SamplingProfile:
    """Copy a shipped profile as the firm's own next version, approved by this person now.

    Samples drawn from here on follow it; those drawn before keep theirs. Raises PermissionDenied unless the
    person administers the firm, ValidationError when the profile belongs to a firm or gives no sizes by
    frequency and events (only such a profile says what to draw).
    """
    if not FirmMember.objects.filter(firm=firm, user=by, is_admin=True).exists():
        raise PermissionDenied("Only an administrator of the firm approves its sampling profile.")
    if shipped.firm_id is not None:
        raise ValidationError("Approve one of the profiles that ship with the product.")
    if not shipped.sizes.get("by_frequency"):
        raise ValidationError("This profile has no sizes by frequency: it can be read, but nothing drawn by it.")
    locked = Firm.objects.select_for_update().get(pk=firm.pk)
    own = SamplingProfile.objects.filter(firm=firm, code=shipped.code)
    latest = own.aggregate(latest=Max("version"))["latest"] or 0
    made = SamplingProfile.objects.create(
        firm=firm,
        code=shipped.code,
        version=latest + 1,
        name=shipped.name,
        source=shipped.source,
        sizes=shipped.sizes,
        approved_by=by,
        approved_at=timezone.now(),
    )
    locked.sampling_profile = firm.sampling_profile = shipped.code
    locked.save(update_fields=["sampling_profile"])
    record(APPROVED, by=by, firm=firm, target=made, profile=str(made))
    return made
