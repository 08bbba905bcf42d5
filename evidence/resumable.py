"""Uploads that survive a lost connection, a closed page and a restarted server: from the first byte to the file.

The protocol (tus 1.0) is spoken by `evidence.views.resumable`. How much has arrived is what lies on the disk;
the row says what it is, for what and by whom. A whole upload is looked at by a worker and then received as any
other file (`uploads.receive`), or held until a person has said which requests it answers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from audit.refusals import UPLOAD as REFUSED
from audit.trail import action, record
from engagements.models import Engagement
from engagements.workflow import locked
from evidence import staging, storage, uploads, validation
from evidence.models import EvidenceFile, EvidenceRequest, Upload
from evidence.policy import GB, MB, policy_of, used
from jobs.models import Job
from jobs.queue import enqueue
from jobs.running import hold

MATCHED = action("evidence.matched", "matched {count} files to their requests")

JOB = "evidence.check_upload"
# More at once is a script gone wrong, not a person.
MOST_UNFINISHED = 500

State = Upload.State


class TooLarge(ValidationError):
    """The file is beyond the largest or the quota of the engagement."""


def under_way(engagement: Engagement, user: User) -> QuerySet[Upload]:
    """What the person is sending here and is not done."""
    return Upload.objects.filter(engagement=engagement, by=user).exclude(state=State.DONE)


@transaction.atomic
def begin(
    to: EvidenceRequest | Engagement,
    *,
    name: str,
    size: int,
    by: User,
    replaces: EvidenceFile | None = None,
    speaks_from: dt.date | None = None,
    speaks_to: dt.date | None = None,
    to_be_matched: bool = False,
) -> Upload:
    """Announce a file of `size` bytes; its parts follow.

    Raises TooLarge, `validation.Refused` for an ending that is not taken, PermissionDenied, WrongStage,
    ValidationError.
    """
    engagement = to.engagement if isinstance(to, EvidenceRequest) else to
    obtained = uploads.of_firm(engagement, by)
    uploads.check_may(to, by, obtained)
    if speaks_from and speaks_to and speaks_from > speaks_to:
        raise ValidationError({"speaks_to": "The last day it speaks of lies before the first."})
    cleaned = validation.clean_name(name)
    validation.kind_of(cleaned)
    if size <= 0:
        raise validation.Refused("The file is empty (0 bytes). Export or save it again and look at it first.")
    # One at a time, so that two cannot each take the last of the quota.
    locked(engagement)
    policy = policy_of(engagement)
    if size > policy.largest:
        raise TooLarge(f"The file has {-(-size // MB):,} MB; at most {policy.largest // MB:,} MB are taken here.")
    if used(engagement) + size > policy.quota:
        raise TooLarge(
            f"All files of this engagement together may take {policy.quota // GB:,} GB, and there is no room for "
            "this one. Ask the auditor."
        )
    if under_way(engagement, by).exclude(state=State.REFUSED).count() >= MOST_UNFINISHED:
        raise ValidationError("Too many uploads are unfinished. Finish or discard those first.")
    made = Upload.objects.create(
        engagement=engagement,
        by=by,
        request=to if isinstance(to, EvidenceRequest) else None,
        replaces=replaces,
        to_be_matched=to_be_matched,
        name=cleaned,
        size=size,
        speaks_from=speaks_from,
        speaks_to=speaks_to,
        obtained_by_auditor=obtained,
        expires_at=_expiry(),
    )
    staging.begin(made.token)
    return made


def check_may_go_on(upload: Upload, *, by: User) -> None:
    """Whether the person may still send this: asked anew for every part. Raises PermissionDenied, WrongStage."""
    to = upload.request or upload.engagement
    uploads.check_may(to, by, upload.obtained_by_auditor)


def take(upload: Upload, part: Any, *, at: int, by: User, digest: Any = None, wanted: bytes = b"") -> int:
    """Take the part that begins at `at`; with the last one the file is complete. Returns what has arrived.

    Raises `staging`'s exceptions, PermissionDenied, WrongStage.
    """
    check_may_go_on(upload, by=by)
    here = staging.append(upload.token, part, at=at, end=upload.size, digest=digest, wanted=wanted)
    if here == upload.size:
        complete(upload)
    else:
        Upload.objects.filter(pk=upload.pk, state=State.RECEIVING).update(expires_at=_expiry())
    return here


def arrived(upload: Upload) -> int:
    """How many bytes are here. A server that was killed after the last of them is made up for now.

    Raises `staging.Missing`.
    """
    if upload.state != State.RECEIVING:
        return upload.size
    here = staging.offset(upload.token)
    if here == upload.size:
        complete(upload)
    return here


@transaction.atomic
def complete(upload: Upload) -> None:
    """Everything is here: a worker looks at it. Asking twice changes nothing."""
    held = Upload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
    if held.state != State.RECEIVING:
        return
    held.state, held.expires_at = State.CHECKING, _expiry()
    held.save(update_fields=["state", "expires_at"])
    enqueue(JOB, key=f"{JOB}:{held.pk}", by=held.by, engagement_id=held.engagement_id, payload={"upload": held.pk})


def check(job: Job) -> dict[str, Any]:
    """The worker's part: look at the file and receive it, or hold it for its requests. Refusals stay in words."""
    upload = Upload.objects.select_related("request", "replaces", "engagement", "by").get(pk=job.payload["upload"])
    if upload.state != State.CHECKING:
        return {"state": upload.state}
    upload.engagement.refresh_from_db()
    if upload.request:
        upload.request.engagement = upload.engagement
    try:
        if upload.to_be_matched:
            found = _inspected(upload)
            with transaction.atomic():
                hold(job)
                _settle(upload, State.HELD, found=found)
            return {"state": upload.state}
        file = _received(upload)
    except ValidationError as error:
        return _refuse(upload, error.messages)
    except PermissionDenied as error:
        return _refuse(upload, [str(error) or "Your role no longer allows this."])
    except staging.Missing:
        return _refuse(upload, ["What had arrived of the file is gone. Upload it again."])
    _settle(upload, State.DONE, file=file)
    staging.remove(upload.token)
    return {"state": upload.state, "file": file.code}


def check_failed(job: Job) -> None:
    """The file killed its worker again and again."""
    upload = Upload.objects.filter(pk=job.payload["upload"], state=State.CHECKING).first()
    if upload is not None:
        _refuse(upload, ["The file could not be examined. Save it again from its program, or split it."])


def _inspected(upload: Upload) -> dict[str, Any]:
    uploads.check_may(upload.engagement, upload.by, upload.obtained_by_auditor)
    with staging.opened(upload.token) as content:
        budget = validation.Budget(size=policy_of(upload.engagement).largest)
        return asdict(validation.inspect(content, upload.name, budget=budget))


def _received(upload: Upload) -> EvidenceFile:
    with staging.opened(upload.token) as content:
        return uploads.receive(
            upload.request or upload.engagement,
            file=content,
            name=upload.name,
            by=upload.by,
            speaks_from=upload.speaks_from,
            speaks_to=upload.speaks_to,
            replaces=upload.replaces,
            obtained_by_auditor=upload.obtained_by_auditor,
        )


@transaction.atomic
def _refused(upload: Upload, problems: Sequence[str]) -> None:
    _settle(upload, State.REFUSED, problems=list(problems))
    why = " ".join(problems)[:300]
    record(REFUSED, by=upload.by, engagement=upload.engagement, name=upload.name, why=why)


def _refuse(upload: Upload, problems: Sequence[str]) -> dict[str, Any]:
    _refused(upload, problems)
    staging.remove(upload.token)
    return {"state": upload.state}


def _settle(upload: Upload, state: State, **values: Any) -> None:
    upload.state = state
    for name, value in values.items():
        setattr(upload, name, value)
    upload.save(update_fields=["state", *values])


@transaction.atomic
def stop(upload: Upload, *, by: User) -> None:
    """Discard an upload that is not evidence yet; only the person who sends it. Raises PermissionDenied."""
    upload = Upload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
    if upload.by_id != by.pk:
        raise PermissionDenied("Only the person who sends a file stops it.")
    if upload.state in {State.CHECKING, State.DONE}:
        raise ValidationError("It has arrived already: it is being checked or is received.")
    upload.delete()
    transaction.on_commit(lambda: staging.remove(upload.token))


def give(matched: Mapping[Upload, Sequence[EvidenceRequest]], *, by: User) -> list[EvidenceFile]:
    """Receive held files for the requests that they answer, all of them or none.

    Each lies on the first of its requests and answers the others too. The bytes are stored first; should
    anything be refused then, they stay without a name. Raises PermissionDenied, WrongStage, ValidationError.
    """
    for upload, requests in matched.items():
        if upload.by_id != by.pk:
            raise PermissionDenied("Only the person who sent a file says what it is for.")
        if upload.state != State.HELD or not requests:
            raise ValidationError(f"{upload.name}: say which request it answers, or discard it.")
        for request in requests:
            uploads.check_may(request, by, upload.obtained_by_auditor)
        _store(upload)
    made = _give(matched, by)
    for upload in matched:
        transaction.on_commit(partial(staging.remove, upload.token))
    return made


def _store(upload: Upload) -> None:
    try:
        with staging.opened(upload.token) as content:
            stored = storage.keep(upload.engagement_id, content)
    except staging.Missing as error:
        raise ValidationError(f"{upload.name}: what had arrived is gone. Upload it again.") from error
    if stored != (upload.found["sha256"], upload.found["size"]):
        raise ValidationError(f"{upload.name} is not what was checked. Upload it again.")


@transaction.atomic
def _give(matched: Mapping[Upload, Sequence[EvidenceRequest]], by: User) -> list[EvidenceFile]:
    made = []
    for given, (first, *others) in matched.items():
        upload = Upload.objects.select_for_update(of=("self",)).get(pk=given.pk)
        if upload.state != State.HELD:
            raise ValidationError(f"{upload.name} was given already.")
        file = uploads.register(
            first,
            validation.Inspected(**upload.found),
            by=by,
            speaks_from=given.speaks_from,
            speaks_to=given.speaks_to,
            obtained_by_auditor=upload.obtained_by_auditor,
        )
        if others:
            uploads.answer_also(file, others, by=by)
        _settle(upload, State.DONE, file=file)
        made.append(file)
    if len(made) > 1:
        record(
            MATCHED,
            by=by,
            engagement=made[0].engagement,
            count=len(made),
            files=[file.code for file in made],
        )
    return made


def expire(*, at: dt.datetime | None = None) -> int:
    """Remove what was never finished or given, and what nobody asks about any more. Returns how many.

    What has arrived in full and was not noticed, because the server was killed just then, goes on first.
    """
    at = at or timezone.now()
    for upload in Upload.objects.filter(state=State.RECEIVING):
        with suppress(staging.Missing):
            arrived(upload)
    old = Upload.objects.filter(expires_at__lt=at).exclude(state=State.CHECKING)
    removed = 0
    for upload in old[:1000]:
        with transaction.atomic():
            gone = Upload.objects.filter(pk=upload.pk, expires_at__lt=at).delete()[0]
        if gone:
            staging.remove(upload.token)
            removed += 1
    known = {str(token) for token in Upload.objects.values_list("token", flat=True)}
    for path in staging.strays(known, before=(at - dt.timedelta(days=1)).timestamp()):
        path.unlink(missing_ok=True)
        removed += 1
    return removed


def _expiry() -> dt.datetime:
    return timezone.now() + dt.timedelta(hours=settings.UPLOAD_HOURS)
