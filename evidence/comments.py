"""What people say about a request: the thread of both sides, and the firm's own that the client never sees."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.trail import action, record
from engagements.models import FIRM_ROLES, EngagementMember
from engagements.roles import permissions_of, require, roles_with
from engagements.workflow import WORKING, locked, must_be
from evidence import urgent
from evidence.correspondence import Mention, RequestComment
from evidence.models import OWN_ONLY, EvidenceRequest
from evidence.requests import check_own

# The words themselves stand with the request, not in the trail.
COMMENTED = action("request.commented", "commented on {target}")
NOTED = action("request.noted", "wrote a note of the firm on {target}", firm_only=True)
MENTION_DONE = action("request.mention_done", "put aside a mention on {target}")
NOTE_MENTION_DONE = action("request.note_mention_done", "put aside a mention in a note on {target}", firm_only=True)

LONGEST = 5_000
MOST_MENTIONS = 20
# Who of the firm's side comments, and who of the client's.
OF_FIRM = ("manage_requests", "record_tests", "complete_quality_review")
MAY_COMMENT = (*OF_FIRM, "upload_evidence")
_AT = re.compile(r"(?<![\w@.])@")


@transaction.atomic
def comment(request: EvidenceRequest, *, text: str, by: User, internal: bool = False) -> RequestComment:
    """Say something to both sides, or with `internal` among the firm's people.

    People are named by `@` and their name; it waits for them then. What waited for the writer in this thread is
    answered by it. Raises PermissionDenied, WrongStage, ValidationError: no words, too many, or a named person who
    does not see this.
    """
    engagement = locked(request.engagement)
    must_be(engagement, *WORKING)
    may = permissions_of(by, engagement)
    of_firm = "see_fieldwork" in may
    if internal and not of_firm:
        raise PermissionDenied("These notes are the firm's.")
    if of_firm:
        require(engagement, by, *OF_FIRM)
    else:
        check_own(request, by, "upload_evidence")
    if not internal and request.state == EvidenceRequest.State.DRAFT:
        raise ValidationError("A draft has no reader on the client's side yet. Open it first, or write a note.")
    words = text.strip().replace("\r\n", "\n")
    if not words:
        raise ValidationError({"text": "Write something first."})
    if len(words) > LONGEST:
        raise ValidationError({"text": f"At most {LONGEST:,} characters: this has {len(words):,}."})
    named = mentioned(words, people(request))
    _check_named(request, named, internal)
    made = RequestComment.objects.create(
        engagement=engagement, request=request, internal=internal, text=words, by=by
    )
    Mention.objects.bulk_create(
        Mention(engagement=engagement, comment=made, user=user) for user in named if user.pk != by.pk
    )
    _waiting(request, by, internal).update(done_at=timezone.now())
    record(NOTED if internal else COMMENTED, by=by, engagement=engagement, target=request)
    urgent.tell_mentioned(request, named, by=by)
    return made


def _check_named(request: EvidenceRequest, named: Sequence[User], internal: bool) -> None:
    if len(named) > MOST_MENTIONS:
        raise ValidationError({"text": f"It names {len(named)} people: {MOST_MENTIONS} at most."})
    readers = {user.pk for user in people(request, internal=internal)}
    for user in named:
        if user.pk not in readers:
            why = "is of the client, who never sees this note" if internal else "does not see this request"
            hint = "Write it to both sides instead." if internal else "Assign it to that person first."
            raise ValidationError({"text": f"{user} {why}. {hint}"})


@transaction.atomic
def put_aside(request: EvidenceRequest, *, by: User) -> int:
    """Nothing more is to be done about where one was named on this request. Returns how many there were."""
    engagement = locked(request.engagement)
    must_be(engagement, *WORKING)
    require(engagement, by, "see_fieldwork", "upload_evidence")
    waiting = _waiting(request, by)
    internal = waiting.filter(comment__internal=True).exists()
    done: int = waiting.update(done_at=timezone.now())
    if done:
        record(NOTE_MENTION_DONE if internal else MENTION_DONE, by=by, engagement=engagement, target=request)
    return done


def _waiting(request: EvidenceRequest, user: User, internal: bool | None = None) -> Any:
    found = Mention.objects.filter(comment__request=request, user=user, done_at__isnull=True)
    return found if internal is None else found.filter(comment__internal=internal)


def people(request: EvidenceRequest, *, internal: bool | None = None) -> list[User]:
    """Who sees the request, by name: both sides, or the firm's for its own notes. None: whoever is on the team."""
    members = (
        EngagementMember.objects.filter(
            engagement=request.engagement_id,
            user__is_active=True,
            role__in={*roles_with("see_fieldwork"), *roles_with("upload_evidence")},
        )
        .select_related("user")
        .order_by("user__name", "pk")
    )
    found = list(members)
    if internal is not None:
        found = [one for one in found if one.role in FIRM_ROLES or (not internal and _sees(one, request))]
    return [one.user for one in found]


def _sees(member: EngagementMember, request: EvidenceRequest) -> bool:
    """Whether a person of the client's side sees the request."""
    if request.state == EvidenceRequest.State.DRAFT:
        return False
    return member.role not in OWN_ONLY or member.user_id == request.assigned_to_id


def mentioned(text: str, known: Iterable[User]) -> list[User]:
    """The people whom a text names by `@`: by their whole name, or by a first name that only one of them has."""
    users = list(known)
    found: dict[int, User] = {}
    for start in (match.end() for match in _AT.finditer(text)):
        rest = text[start:].casefold()
        whole = [user for user in users if _begins(rest, user.name)]
        if not whole:
            first = [user for user in users if _begins(rest, user.name.split()[0] if user.name.split() else "")]
            whole = first if len(first) == 1 else []
        if whole:
            longest = max(whole, key=lambda user: len(user.name))
            found[longest.pk] = longest
    return list(found.values())


def _begins(rest: str, name: str) -> bool:
    """Whether the text begins with the name and not with a longer word."""
    words = " ".join(name.split()).casefold()
    if not words or not rest.startswith(words):
        return False
    return len(rest) == len(words) or not (rest[len(words)].isalnum() or rest[len(words)] == "_")


def pieces(text: str, known: Iterable[User]) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it names somebody: for the page to mark."""
    users = sorted(known, key=lambda user: -len(user.name))
    found: list[tuple[str, bool]] = []
    last = 0
    for match in _AT.finditer(text):
        rest = text[match.end() :].casefold()
        named = mentioned(f"@{text[match.end() : match.end() + 200]}", users)
        if not named or match.start() < last:
            continue
        name = named[0].name if _begins(rest, named[0].name) else named[0].name.split()[0]
        end = match.end() + len(" ".join(name.split()))
        found += [(text[last : match.start()], False), (text[match.start() : end], True)]
        last = end
    return [piece for piece in [*found, (text[last:], False)] if piece[0]]
