"""Addenda: what is added to a locked file, with its files, and who else has read it (R59).

Professional standards ask of anything added after the file was complete: who added it and when, for what reason,
what it means for the conclusions, and who reviewed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Max

from accounts.models import User
from archive.leaves import Stored
from archive.locking import is_locked
from archive.models import Addendum, AddendumFile, AddendumReview
from archive.retention import being_destroyed
from archive.verify_pack import addendum_hash
from audit.trail import action, record
from engagements.models import Engagement, Stage
from engagements.roles import require
from engagements.workflow import WrongStage, locked
from evidence import scanning, storage, validation
from evidence.policy import policy_of

ADDED = action("file.addendum_added", "added {target} to the locked file: {reason}", firm_only=True)
REVIEWED = action("file.addendum_reviewed", "reviewed {target} of the locked file", firm_only=True)
TAKEN = action("file.addendum_downloaded", "downloaded {name} of {target}", firm_only=True)

MOST_FILES = 20


def add(
    engagement: Engagement,
    *,
    reason: str,
    text: str,
    effect: str,
    by: User,
    attachments: Sequence[UploadedFile] = (),
) -> Addendum:
    """Add to the locked file, where nothing else can change.

    Files are looked at as evidence is, and shown to the scanner where there is one: what it does not call clean is
    not taken. Raises PermissionDenied, WrongStage, ValidationError.
    """
    require(engagement, by, "add_addenda")
    _must_be_locked(engagement)
    said = {"reason": reason.strip(), "text": text.strip(), "effect": effect.strip()}
    missing = {
        name: words
        for name, words in (
            ("reason", "Say why it is added now."),
            ("text", "Say what is added."),
            ("effect", "Say what it means for the opinion; if nothing, say so and why."),
        )
        if not said[name]
    }
    if len(attachments) > MOST_FILES:
        missing["attachments"] = f"At most {MOST_FILES} files come with one addendum."
    if missing:
        raise ValidationError(missing)
    # Outside of the transaction, as large files take their time.
    found = [_kept(engagement, file, file.name or "") for file in attachments]
    return _added(engagement, said, found, by)


@transaction.atomic
def _added(
    engagement: Engagement, said: dict[str, str], found: Sequence[validation.Inspected], by: User
) -> Addendum:
    engagement = locked(engagement)
    require(engagement, by, "add_addenda")
    _must_be_locked(engagement)
    last = Addendum.objects.filter(engagement=engagement).aggregate(last=Max("number"))["last"] or 0
    files = [(one.name, one.size, one.sha256) for one in found]
    made = Addendum.objects.create(
        engagement=engagement,
        number=last + 1,
        **said,
        file_count=len(found),
        sha256=addendum_hash(last + 1, said["reason"], said["text"], said["effect"], files),
        by=by,
    )
    # One by one: their order is part of the hash.
    for one in found:
        AddendumFile.objects.create(
            engagement=engagement,
            addendum=made,
            name=one.name,
            size=one.size,
            sha256=one.sha256,
            content_type=one.content_type,
        )
    record(
        ADDED,
        by=by,
        engagement=engagement,
        target=made,
        reason=made.reason,
        number=made.number,
        sha256=made.sha256,
        files=len(found),
    )
    return made


def _kept(engagement: Engagement, file: IO[bytes], name: str) -> validation.Inspected:
    """Look at a file, and store its bytes. Raises ValidationError with its name."""
    try:
        budget = validation.Budget(size=policy_of(engagement).largest)
        found = validation.inspect(file, name, budget=budget)
        _scanned(file)
        if storage.keep(engagement.pk, file) != (found.sha256, found.size):
            raise ValidationError("It changed while it was being read. Choose it again.")
    except ValidationError as error:
        raise ValidationError({"attachments": [f"{name}: {words}" for words in error.messages]}) from error
    return found


def _scanned(file: IO[bytes]) -> None:
    if not scanning.configured():
        return
    file.seek(0)
    try:
        verdict = scanning.scan(file)
    except scanning.Away as error:
        raise ValidationError("The malware scanner does not answer. Add it again in a while.") from error
    if not verdict.clean:
        raise ValidationError(f"{verdict.note}. It is not taken.")


def _must_be_locked(engagement: Engagement) -> None:
    if not is_locked(engagement) or engagement.stage == Stage.PURGED:
        raise WrongStage("Addenda belong to a locked file.")
    if being_destroyed(engagement):
        raise WrongStage("The file is being destroyed: nothing is added to it any more.")


def may_review(addendum: Addendum, may: frozenset[str] | set[str], user: User) -> bool:
    """Whether the person is one of those who add, and another than the one who did."""
    return "add_addenda" in may and addendum.by_id != user.pk and not hasattr(addendum, "review")


@transaction.atomic
def review(addendum: Addendum, *, conclusion: str, by: User) -> AddendumReview:
    """Another person than its author has read an addendum. Raises PermissionDenied, WrongStage, ValidationError."""
    engagement = locked(addendum.engagement)
    require(engagement, by, "add_addenda")
    if addendum.by_id == by.pk:
        raise PermissionDenied("Somebody else reviews what you have added.")
    _must_be_locked(engagement)
    if AddendumReview.objects.filter(addendum=addendum).exists():
        raise WrongStage(f"{addendum} was reviewed before.")
    if not conclusion.strip():
        raise ValidationError({"conclusion": "Say what you conclude, also where nothing follows from it."})
    made = AddendumReview.objects.create(
        engagement=engagement, addendum=addendum, conclusion=conclusion.strip(), by=by
    )
    record(REVIEWED, by=by, engagement=engagement, target=addendum, conclusion=made.conclusion)
    return made


@transaction.atomic
def download(file: AddendumFile, *, by: User) -> IO[bytes]:
    """The file as it was added, its hash checked; who took it is on record. Raises storage.Altered."""
    content = storage.opened(file.engagement_id, file.sha256)
    record(TAKEN, by=by, engagement=file.engagement, target=file.addendum, name=file.name, sha256=file.sha256)
    return content


def of_file(engagement: Engagement) -> list[Addendum]:
    """The addenda of a file with all that is said of them."""
    found = Addendum.objects.filter(engagement=engagement).select_related("by", "review__by")
    return list(found.prefetch_related("files"))


def stored(engagement: Engagement) -> list[tuple[AddendumFile, Stored]]:
    """The files of all addenda, in the order in which they came, with their bytes."""
    files = AddendumFile.objects.filter(engagement=engagement).select_related("addendum").order_by("pk")
    return [(one, Stored("evidence", storage.stored_name(engagement.pk, one.sha256), one.sha256)) for one in files]
