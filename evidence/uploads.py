"""Receiving files: looked at, stored under their hash, written down, never overwritten."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import IO

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.models import Engagement
from engagements.roles import permissions_of, require
from engagements.workflow import WORKING, WrongStage, locked, must_be
from evidence import lint, storage, validation
from evidence.codes import next_code
from evidence.models import AlsoAnswers, EvidenceFile, EvidenceRequest, FileCheck
from evidence.policy import policy_of
from evidence.requests import begin_held, check_own
from jobs.queue import enqueue

RECEIVED = action("evidence.received", "uploaded {target}: {name}")
# What the auditor obtains is part of the firm's file.
OBTAINED = action("evidence.obtained", "added {target}, obtained by the auditor: {name}", firm_only=True)
DOWNLOADED = action("evidence.downloaded", "downloaded {target}: {name}")
# What the auditor reads is the firm's own work.
READ = action("evidence.read", "downloaded {target}: {name}", firm_only=True)
ALSO_ANSWERS = action("evidence.also_answers", "gave {target} for {request} too")
ALSO_ENDED = action("evidence.also_ended", "took back that {target} answers {request}")
ALSO_OBTAINED = action("evidence.also_obtained", "used {target} for {request} too", firm_only=True)
ALSO_OBTAINED_ENDED = action("evidence.also_obtained_ended", "took {target} from {request}", firm_only=True)
EXPLAINED = action("evidence.explained", "explained a remark on {target}: {words}")
EXPLAINED_BY_FIRM = action("evidence.firm_explained", "explained a remark on {target}: {words}", firm_only=True)
# What machines do with every file once it is here (`evidence.examining`).
EXAMINE = "evidence.examine"
DATED = action("evidence.dated", "dated {target}: it speaks of {speaks_of}")

# An accepted request was looked at as it is: it must be returned before more can come.
_TAKES_FILES = frozenset(EvidenceRequest.State) - EvidenceRequest.SETTLED


def receive(
    to: EvidenceRequest | Engagement,
    *,
    file: IO[bytes],
    name: str,
    by: User,
    speaks_from: dt.date | None = None,
    speaks_to: dt.date | None = None,
    replaces: EvidenceFile | None = None,
    obtained_by_auditor: bool = False,
    encoding: str = "",
) -> EvidenceFile:
    """Receive one file for a request, or for the engagement as such.

    `file` is read in pieces from its beginning; `name` is what the person calls it. The dates are those that the
    evidence speaks of, not those of the upload. `replaces` makes it the next version of a file of the same
    request. Text is UTF-8 or UTF-16 unless `encoding` is "cp1252". The firm's people upload only what they
    obtained themselves, and say so (domain 4.1).
    The same bytes under the same name on the same request are received once: sending them again returns the file.
    Bytes are stored before the row is written; when that fails they stay without a name (`storage.keep`).
    Raises `validation.Refused` with what is wrong with the file, PermissionDenied, WrongStage, ValidationError.
    """
    check_may(to, by, obtained_by_auditor)
    if speaks_from and speaks_to and speaks_from > speaks_to:
        raise ValidationError({"speaks_to": "The last day it speaks of lies before the first."})
    policy = policy_of(_engagement_of(to))
    budget = validation.Budget(size=policy.largest)
    # Outside of the transaction: a hundred megabytes take their time, and the engagement is locked below.
    found = validation.inspect(file, name, budget=budget, encoding="cp1252" if encoding == "cp1252" else None)
    sha256, size = storage.keep(_engagement_of(to).pk, file)
    if (sha256, size) != (found.sha256, found.size):
        raise ValidationError("The file changed while it was being read. Upload it again.")
    return register(
        to,
        found,
        by=by,
        speaks_from=speaks_from,
        speaks_to=speaks_to,
        replaces=replaces,
        obtained_by_auditor=obtained_by_auditor,
    )


@transaction.atomic
def register(
    to: EvidenceRequest | Engagement,
    found: validation.Inspected,
    *,
    by: User,
    speaks_from: dt.date | None = None,
    speaks_to: dt.date | None = None,
    replaces: EvidenceFile | None = None,
    obtained_by_auditor: bool = False,
) -> EvidenceFile:
    """Write down a file that was looked at and whose bytes are stored; `receive` does all three.

    A worker then scans and reads it (`evidence.examining`). Raises WrongStage, ValidationError.
    """
    engagement = locked(_engagement_of(to))
    must_be(engagement, *WORKING)
    request = None
    if isinstance(to, EvidenceRequest):
        request = EvidenceRequest.objects.select_for_update().get(pk=to.pk)
        _must_take_files(request)
    here = EvidenceFile.objects.filter(engagement=engagement)
    same = here.filter(sha256=found.sha256)
    again = same.filter(request=request, name=found.name, obtained_by_auditor=obtained_by_auditor).current().first()
    if again is not None and request is not None:
        return again
    if replaces is not None:
        replaces = _replaceable(replaces, engagement, request, obtained_by_auditor)
    remarks = lint.findings(
        kind=found.kind,
        facts=found.facts,
        speaks_from=speaks_from,
        speaks_to=speaks_to,
        period_start=engagement.period_start,
        period_end=engagement.ends_on,
        # The client does not learn what the auditor obtained.
        same_content=[
            (file.code, file.request.code if file.request and file.request != request else "")
            for file in same.select_related("request")
            if obtained_by_auditor or not file.obtained_by_auditor
        ],
        name=found.name,
        former_rows=replaces.rows if replaces else None,
    )
    made = EvidenceFile.objects.create(
        engagement=engagement,
        code=next_code(here, "E"),
        request=request,
        name=found.name,
        size=found.size,
        sha256=found.sha256,
        kind=found.kind,
        content_type=found.content_type,
        version=replaces.version + 1 if replaces else 1,
        replaces=replaces,
        rows=lint.rows_of(found.kind, found.facts),
        speaks_from=speaks_from,
        speaks_to=speaks_to,
        obtained_by_auditor=obtained_by_auditor,
        findings=[remark.plain() for remark in remarks],
        uploaded_by=by,
    )
    record(
        OBTAINED if obtained_by_auditor else RECEIVED,
        by=by,
        engagement=engagement,
        target=made,
        name=made.name,
        sha256=made.sha256,
        size=made.size,
        request=request.code if request else "",
    )
    if request is not None and not obtained_by_auditor:
        begin_held(request)
    enqueue(EXAMINE, key=f"{EXAMINE}:{made.pk}", engagement_id=engagement.pk, payload={"file": made.pk})
    return made


@transaction.atomic
def answer_also(file: EvidenceFile, requests: Iterable[EvidenceRequest], *, by: User) -> list[AlsoAnswers]:
    """Let a file answer further requests than the one on which it lies. Returns what is new.

    Each must be one to which the person could upload it. Raises PermissionDenied, WrongStage, ValidationError.
    """
    engagement = locked(file.engagement)
    require(engagement, by, "upload_evidence")
    must_be(engagement, *WORKING)
    made = []
    for one in requests:
        if one.engagement_id != engagement.pk:
            raise ValidationError("A request of another engagement cannot be answered here.")
        request = _held(one, engagement)
        check_may(request, by, file.obtained_by_auditor)
        if request.pk == file.request_id:
            continue
        link, created = AlsoAnswers.objects.get_or_create(
            engagement=engagement, file=file, request=request, defaults={"by": by}
        )
        if created:
            made.append(link)
            if not file.obtained_by_auditor:
                begin_held(request)
            what = ALSO_OBTAINED if file.obtained_by_auditor else ALSO_ANSWERS
            record(what, by=by, engagement=engagement, target=file, request=request.code)
    return made


@transaction.atomic
def no_longer_answers(file: EvidenceFile, request: EvidenceRequest, *, by: User) -> None:
    """Take back that a file answers a further request, until that is accepted. Nothing to take back: nothing
    happens. Raises PermissionDenied, WrongStage."""
    engagement = locked(file.engagement)
    request = _held(request, engagement)
    check_may(request, by, file.obtained_by_auditor)
    removed, _ = AlsoAnswers.objects.filter(file=file, request=request).delete()
    if removed:
        what = ALSO_OBTAINED_ENDED if file.obtained_by_auditor else ALSO_ENDED
        record(what, by=by, engagement=engagement, target=file, request=request.code)


@transaction.atomic
def explain(file: EvidenceFile, *, finding: str, words: str, by: User) -> EvidenceFile:
    """Say a word about what the linter noted, for the auditor to read; empty words take it back.

    The client's people may until the request is accepted; what the auditor obtained the firm explains.
    Raises PermissionDenied, WrongStage, ValidationError when the file has no such finding (any more).
    """
    engagement = locked(file.engagement)
    require(engagement, by, "upload_evidence")
    must_be(engagement, *WORKING)
    file = EvidenceFile.objects.select_for_update(of=("self",)).select_related("request").get(pk=file.pk)
    if of_firm(engagement, by) != file.obtained_by_auditor:
        raise PermissionDenied("Each side explains its own files.")
    if file.request is not None:
        file.request.engagement = engagement
        check_own(file.request, by, "upload_evidence")
        _must_take_files(file.request)
    found = next((one for one in file.findings if one["message"] == finding), None)
    if found is None:
        raise ValidationError("This remark is no longer there.")
    words = " ".join(words.split())[:500]
    found |= {"answer": words, "by": by.name, "at": timezone.now().isoformat()}
    file.save(update_fields=["findings"])
    what = EXPLAINED_BY_FIRM if file.obtained_by_auditor else EXPLAINED
    record(what, by=by, engagement=engagement, target=file, finding=found["code"], words=words)
    return file


@transaction.atomic
def date(file: EvidenceFile, *, speaks_from: dt.date | None, speaks_to: dt.date | None, by: User) -> EvidenceFile:
    """Say of which dates a file speaks, or correct it; the linter's remark on the period follows (R23).

    The uploader may until the request is accepted, the firm while the engagement is worked on.
    Raises PermissionDenied, WrongStage, ValidationError.
    """
    engagement = locked(file.engagement)
    require(engagement, by, "upload_evidence")
    must_be(engagement, *WORKING)
    file = EvidenceFile.objects.select_for_update(of=("self",)).select_related("request").get(pk=file.pk)
    if not of_firm(engagement, by):
        if file.uploaded_by_id != by.pk:
            raise PermissionDenied("Only the person who uploaded it and the auditor date a file.")
        if file.request is not None:
            _must_take_files(file.request)
    if speaks_from and speaks_to and speaks_from > speaks_to:
        raise ValidationError({"speaks_to": "The last day it speaks of lies before the first."})
    file.speaks_from, file.speaks_to = speaks_from, speaks_to
    kept = [one for one in file.findings if not one["code"].endswith("outside_period")]
    file.findings = [one.plain() for one in period_remarks(file, engagement)] + kept
    file.save(update_fields=["speaks_from", "speaks_to", "findings"])
    days = [day.isoformat() for day in (speaks_from, speaks_to) if day]
    record(DATED, by=by, engagement=engagement, target=file, speaks_of=" to ".join(days) or "no date given")
    return file


def period_remarks(file: EvidenceFile, engagement: Engagement) -> list[lint.Remark]:
    """What the dates it speaks of mean for the engagement's period as it stands now (R23)."""
    return lint.findings(
        kind="",
        facts={},
        speaks_from=file.speaks_from,
        speaks_to=file.speaks_to,
        period_start=engagement.period_start,
        period_end=engagement.ends_on,
    )


class Withheld(ValidationError):
    """The file is not handed out: quarantined, or held until the scanner has looked at it."""


def check_may_open(file: EvidenceFile, *, by: User) -> None:
    """Raise Withheld for a quarantined file, and for one not yet scanned where the policy asks for that."""
    check = FileCheck.objects.filter(file=file).first()
    scan = check.scan if check else FileCheck.Scan.UNSCANNED
    if scan == FileCheck.Scan.QUARANTINED:
        raise Withheld(f"{file.code} is quarantined and opened by nobody. {check.note if check else ''}".strip())
    if scan == FileCheck.Scan.UNSCANNED and file.uploaded_by_id != by.pk and policy_of(file.engagement).hold:
        raise Withheld(
            f"{file.code} was not scanned for malware yet. It can be opened when the scanner has looked at it."
        )


def verified(file: EvidenceFile) -> IO[bytes]:
    """The bytes as a binary file at its beginning, after their hash was checked.

    For the product's own use; quarantined bytes are not used at all. Raises `storage.Altered`, Withheld.
    """
    if FileCheck.objects.filter(file=file, scan=FileCheck.Scan.QUARANTINED).exists():
        raise Withheld(f"{file.code} is quarantined and opened by nobody.")
    return storage.opened(file.engagement_id, file.sha256)


@transaction.atomic
def download(file: EvidenceFile, *, by: User) -> IO[bytes]:
    """The file as it was received; who took it is on record, or does not get it.

    Raises `storage.Altered`, Withheld.
    """
    check_may_open(file, by=by)
    content = verified(file)
    what = READ if of_firm(file.engagement, by) else DOWNLOADED
    record(what, by=by, engagement=file.engagement, target=file, name=file.name, sha256=file.sha256)
    return content


def of_firm(engagement: Engagement, user: User) -> bool:
    """Whether the person is on the firm's side here."""
    return "see_fieldwork" in permissions_of(user, engagement)


def takes_files(request: EvidenceRequest) -> bool:
    """Whether files may be added to the request in its state."""
    return request.state in _TAKES_FILES


def check_may(to: EvidenceRequest | Engagement, by: User, obtained_by_auditor: bool) -> None:
    """Whether the person may add a file here now. Raises PermissionDenied, WrongStage."""
    engagement = _engagement_of(to)
    require(engagement, by, "upload_evidence")
    if isinstance(to, EvidenceRequest):
        check_own(to, by, "upload_evidence")
        _must_take_files(to)
    must_be(engagement, *WORKING)
    if of_firm(engagement, by) != obtained_by_auditor:
        raise PermissionDenied(
            "The firm's people upload only what they obtained themselves, marked so; the client's never mark it so."
        )


def _held(request: EvidenceRequest, engagement: Engagement) -> EvidenceRequest:
    """The request as it stands, locked for this transaction."""
    request = EvidenceRequest.objects.select_for_update().get(pk=request.pk)
    request.engagement = engagement
    return request


def _engagement_of(to: EvidenceRequest | Engagement) -> Engagement:
    return to.engagement if isinstance(to, EvidenceRequest) else to


def _must_take_files(request: EvidenceRequest) -> None:
    if request.state == EvidenceRequest.State.ACCEPTED:
        raise WrongStage(f"{request.code} is accepted. It must be returned before more files can be added.")
    if not takes_files(request):
        raise WrongStage(f"{request.code} is {request.get_state_display().lower()}: it takes no files any more.")


def _replaceable(
    old: EvidenceFile, engagement: Engagement, request: EvidenceRequest | None, obtained_by_auditor: bool
) -> EvidenceFile:
    old = EvidenceFile.objects.select_for_update(of=("self",)).get(pk=old.pk)
    if old.engagement_id != engagement.pk or old.request_id != (request.pk if request else None):
        raise ValidationError("A file is replaced on the request where it lies.")
    if old.obtained_by_auditor != obtained_by_auditor:
        raise ValidationError("Each side replaces only its own files.")
    if EvidenceFile.objects.filter(replaces=old).exists():
        raise ValidationError(f"{old.code} has a newer version already. Replace that one.")
    return old
