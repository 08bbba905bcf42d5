"""The engagement letter and its amendments: drafted from the engagement's data, signed by both, in force.

The partner signs for the firm and the signatory for the client, each by proving anew who they are; the second
signature puts the letter in force, and an amendment's changes with it (R07, R15, R47). What both have signed
elsewhere is recorded with the signed copy.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import IO, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import ClientMember, FirmMember, User
from accounts.proving import prove
from audit.context import current_ip
from audit.trail import action, record
from controls.models import Category
from engagements import workflow
from engagements.coverage import subservices_of
from engagements.models import Engagement, LetterAmendment, NonAttestService
from engagements.roles import permissions_of, require
from engagements.workflow import WORKING, locked, must_be
from evidence import storage, uploads, validation
from evidence.policy import policy_of
from reports.models import EngagementLetter, LetterSignature
from reports.snapshot import EDITIONS
from reports.statements import text_hash
from reports.terms import (
    LABELS,
    Terms,
    agreed_terms,
    differences,
    fields_of,
    letters_of,
    terms_of,
    words,
)
from reports.wording import day, joined, possessive

DRAFTED = action("letter.drafted", "drafted the {target} for signature")
SIGNED = action("letter.signed", "signed the {target}, {side}")
IN_FORCE = action("letter.in_force", "put the {target} in force, signed by both")
RECORDED = action("letter.recorded", "recorded the {target}, signed by both elsewhere: {file}")
WITHDRAWN = action("letter.withdrawn", "withdrew the {target} before both had signed: {reason}")

Side = LetterSignature.Side
# Which right signs for which side; who has the one never has the other.
SIGNERS = {Side.FIRM: "accept_engagement", Side.CLIENT: "sign_assertion"}
INTENT = "I have read this text, I agree to it for {party}, and I am entitled to sign for it."
SCANS = ("pdf", "png", "jpg")


def letter_text(engagement: Engagement, *, fees: str, further: str = "") -> str:
    """The engagement letter in Markdown, from the data as they stand."""
    return _text(
        "reports/letters/engagement.md",
        engagement,
        terms_of(engagement),
        {
            "fees": fees.strip(),
            "further": further.strip(),
            "services": list(NonAttestService.objects.filter(engagement=engagement)),
            "report_due": day(engagement.report_due.isoformat()) if engagement.report_due else "",
        },
    )


def amendment_text(engagement: Engagement, *, number: int, old: Terms, new: Terms, reason: str) -> str:
    """The amendment in Markdown: what changes, from what to what, and why."""
    return _text(
        "reports/letters/amendment.md",
        engagement,
        new,
        {"number": number, "changes": differences(old, new), "reason": reason.strip()},
    )


def _text(template: str, engagement: Engagement, terms: Terms, context: dict[str, Any]) -> str:
    type_2 = terms["type"] == Engagement.Type.TYPE_2
    subservices = subservices_of(engagement)
    text = render_to_string(
        template,
        {
            "t": terms,
            "firm": engagement.firm,
            "client": terms["client"],
            "client_s": possessive(terms["client"]),
            "type_2": type_2,
            "time": (
                f"throughout the period {words('period_start', terms['period_start'])} to "
                f"{words('period_end', terms['period_end'])}"
                if type_2
                else f"as of {words('as_of', terms['as_of'])}"
            ),
            "subject": "design and operating effectiveness" if type_2 else "design",
            "categories": joined(str(Category(one).label).lower() for one in terms["categories"]),
            "carved_out": [one.name for one in subservices if one.method == one.Method.CARVE_OUT],
            "included": [one.name for one in subservices if one.method == one.Method.INCLUSIVE],
            "editions": EDITIONS,
            "letter_on": day(engagement.letter_on.isoformat()) if engagement.letter_on else "",
            **context,
        },
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@transaction.atomic
def draft(engagement: Engagement, *, fees: str, further: str = "", by: User) -> EngagementLetter:
    """Draft the engagement letter for both to sign.

    Raises PermissionDenied, WrongStage, ValidationError when there is a letter, or without fees.
    """
    engagement = locked(engagement)
    require(engagement, by, "manage_engagement")
    must_be(engagement, *WORKING)
    _check_no_letter(engagement)
    if not fees.strip():
        raise ValidationError({"fees": "Say what the examination costs, or where that is agreed."})
    text = letter_text(engagement, fees=fees, further=further)
    return _drafted(
        EngagementLetter(
            number=0, terms=terms_of(engagement), fees=fees.strip(), further=further.strip(), text=text
        ),
        engagement,
        by,
    )


@transaction.atomic
def propose(engagement: Engagement, *, reason: str, by: User, **fields: Any) -> EngagementLetter:
    """Draft an amendment of the letter for both to sign; nothing changes until they have (R15).

    `fields`: new values of `workflow.AGREED`. What the registers of the scope say otherwise than the letter, like
    the method for a subservice organization, comes into it by itself. Raises PermissionDenied, WrongStage,
    ValidationError when nothing changes, no reason is given, or the new terms do not fit together.
    """
    engagement = locked(engagement)
    require(engagement, by, "manage_engagement")
    must_be(engagement, *WORKING)
    if engagement.letter_on is None:
        raise ValidationError("The engagement letter is not signed by both yet: change its draft.")
    if any(letter.to_sign for letter in letters_of(engagement)):
        raise ValidationError("An amendment waits for signatures. Have it signed, or withdraw it first.")
    unknown = set(fields) - workflow.AGREED
    if unknown:
        raise ValidationError(f"The letter does not agree {', '.join(sorted(unknown))}.")
    if not reason.strip():
        raise ValidationError({"reason": "Say why the terms change: the reason is part of the amendment."})
    old = agreed_terms(letters_of(engagement)) or terms_of(engagement)
    workflow.set_fields(engagement, fields)
    new = terms_of(engagement)
    changes = differences(old, new)
    if not changes:
        raise ValidationError("Nothing of this differs from what is agreed.")
    number = LetterAmendment.objects.filter(engagement=engagement).count() + 1
    text = amendment_text(engagement, number=number, old=old, new=new, reason=reason)
    made = EngagementLetter(number=number, terms=new, changes=changes, reason=reason.strip(), text=text)
    return _drafted(made, engagement, by)


def _check_no_letter(engagement: Engagement) -> None:
    if engagement.letter_on is not None:
        raise ValidationError("The engagement letter is in force. A change of its terms needs an amendment.")
    if any(letter.to_sign for letter in letters_of(engagement)):
        raise ValidationError("A letter waits for signatures. Withdraw it to draft another.")


def _drafted(letter: EngagementLetter, engagement: Engagement, by: User) -> EngagementLetter:
    letter.engagement, letter.drafted_by, letter.drafted_at = engagement, by, timezone.now()
    letter.content_sha256 = text_hash(letter.text)
    letter.save()
    record(
        DRAFTED, by=by, engagement=engagement, target=letter, sha256=letter.content_sha256, changes=letter.changes
    )
    return letter


def side_of(engagement: Engagement, user: User) -> LetterSignature.Side | None:
    """The side for which the person signs letters here; None for most."""
    held = permissions_of(user, engagement)
    return next((side for side, right in SIGNERS.items() if right in held), None)


def title_of(engagement: Engagement, user: User, side: LetterSignature.Side) -> str:
    """The title of a person at the side for which it signs, as far as it is on record."""
    titles = (
        FirmMember.objects.filter(firm=engagement.firm_id, user=user)
        if side == Side.FIRM
        else ClientMember.objects.filter(organization=engagement.client_id, user=user)
    )
    return titles.values_list("title", flat=True).first() or ("Partner" if side == Side.FIRM else "")


def lacking(letter: EngagementLetter) -> str:
    """Who has not signed yet, in words; "" when nobody has to."""
    if not letter.to_sign:
        return ""
    signed = {one.side for one in letter.signatures.all()}
    names = {Side.FIRM: "the engagement partner", Side.CLIENT: "the client’s signatory"}
    return " and ".join(words for side, words in names.items() if side not in signed)


def intent_of(engagement: Engagement, side: LetterSignature.Side) -> str:
    """What a person declares by signing."""
    return INTENT.format(party=engagement.firm.legal_name if side == Side.FIRM else engagement.client.name)


@transaction.atomic
def sign(
    letter: EngagementLetter, *, by: User, password: str, title: str, agreed: bool, seen_sha256: str
) -> LetterSignature:
    """Sign for one's side the text that was shown; the second signature puts it in force.

    `agreed`: the person has declared its intent; `seen_sha256`: the hash of the text that it saw. Raises
    PermissionDenied, WrongStage, Blocked, ValidationError (wrong password, no title, not agreed, signed already,
    the data no longer say what the text says).
    """
    engagement = letter.engagement
    require(engagement, by, *SIGNERS.values())
    prove(by, password)
    engagement = locked(engagement)
    # Again: whoever waited for the lock may have lost the role meanwhile.
    side = side_of(engagement, by)
    if side is None:
        raise PermissionDenied("Your role in this engagement does not allow this.")
    must_be(engagement, *WORKING)
    letter = EngagementLetter.objects.select_for_update(of=("self",)).get(pk=letter.pk)
    letter.engagement = engagement
    if not letter.to_sign:
        raise ValidationError(f"{letter.title} does not wait for signatures any more.")
    if not agreed:
        raise ValidationError({"agreed": "Say that you agree to the text, or do not sign it."})
    title = " ".join(title.split())
    if not title:
        raise ValidationError({"title": "Give your title: it stands under the letter."})
    present = {one.side: one for one in letter.signatures.all()}
    if side in present:
        raise ValidationError(
            f"{present[side].name} has signed it {side.label[0].lower()}{side.label[1:]} already."
        )
    if any(one.signed_by_id == by.pk for one in present.values()):
        raise ValidationError("Nobody signs for both sides.")
    if seen_sha256 != letter.content_sha256 or _as_of_now(letter) != letter.text:
        raise ValidationError(
            "The engagement has changed since this text was drafted: it has to be withdrawn, and drafted anew."
        )
    signature = LetterSignature.objects.create(
        engagement=engagement,
        letter=letter,
        side=side,
        name=by.name,
        title=title,
        intent=intent_of(engagement, side),
        content_sha256=letter.content_sha256,
        signed_by=by,
        signed_at=timezone.now(),
        signed_from=current_ip(),
    )
    record(
        SIGNED,
        by=by,
        engagement=engagement,
        target=letter,
        side=str(side.label).lower(),
        sha256=letter.content_sha256,
    )
    present[side] = signature
    if len(present) == len(Side):
        _put_in_force(
            letter,
            on=timezone.localdate(),
            for_client=present[Side.CLIENT].name,
            for_firm=present[Side.FIRM].name,
            by=by,
        )
        record(IN_FORCE, by=by, engagement=engagement, target=letter, changes=letter.changes)
    return signature


def _as_of_now(letter: EngagementLetter) -> str:
    """The text that the data would give now."""
    engagement = letter.engagement
    if not letter.number:
        return letter_text(engagement, fees=letter.fees, further=letter.further)
    old = agreed_terms(letters_of(engagement)) or terms_of(engagement)
    new = letter.terms | {name: terms_of(engagement)[name] for name in ("client", "firm", "subservices")}
    return amendment_text(engagement, number=letter.number, old=old, new=new, reason=letter.reason)


def _put_in_force(letter: EngagementLetter, *, on: dt.date, for_client: str, for_firm: str, by: User) -> None:
    engagement = letter.engagement
    if letter.number:
        amendment = workflow.Amendment(on, for_client, for_firm, letter.reason)
        further = {
            one["label"]: [one["old"], one["new"]]
            for one in letter.changes
            if one["term"] not in LABELS or one["term"] in {"client", "firm"}
        }
        fields = fields_of(letter.terms)
        workflow.amend(engagement, amendment=amendment, fields=fields, further=further, by=by)
    else:
        workflow.letter_in_force(engagement, on=on, for_client=for_client, for_firm=for_firm)
    letter.executed_on, letter.signed_for_client, letter.signed_for_firm = on, for_client, for_firm
    letter.save(update_fields=["file", "executed_on", "signed_for_client", "signed_for_firm"])


def record_elsewhere(
    engagement: Engagement, *, file: IO[bytes], name: str, on: dt.date, for_client: str, for_firm: str, by: User
) -> EngagementLetter:
    """Record what both have signed elsewhere, with the signed copy: the document that waits for signatures here, or
    else the engagement letter, in the firm's own words.

    `on` is the day of the last signature. Raises `validation.Refused` with what is wrong with the file,
    PermissionDenied, WrongStage, Blocked, ValidationError.
    """
    require(engagement, by, "manage_engagement")
    uploads.check_may(engagement, by, True)
    # Outside of the transaction, as for every file.
    found = validation.inspect(file, name, budget=validation.Budget(size=policy_of(engagement).largest))
    if found.kind not in SCANS:
        raise ValidationError({"file": "The signed copy is a PDF, or a picture (PNG, JPEG)."})
    storage.keep(engagement.pk, file)
    return _record(engagement, found, on=on, for_client=for_client, for_firm=for_firm, by=by)


@transaction.atomic
def _record(
    engagement: Engagement,
    found: validation.Inspected,
    *,
    on: dt.date,
    for_client: str,
    for_firm: str,
    by: User,
) -> EngagementLetter:
    engagement = locked(engagement)
    require(engagement, by, "manage_engagement")
    must_be(engagement, *WORKING)
    drafts = EngagementLetter.objects.select_for_update(of=("self",)).filter(engagement=engagement)
    drafted = drafts.filter(executed_on__isnull=True, withdrawn_at__isnull=True).first()
    letter = drafted or EngagementLetter(
        number=0, terms=terms_of(engagement), drafted_by=by, drafted_at=timezone.now()
    )
    letter.engagement = engagement
    for_client, for_firm = " ".join(for_client.split()), " ".join(for_firm.split())
    if for_client.casefold() == for_firm.casefold():
        raise ValidationError({"for_firm": "Two people sign: one for the client, one for the firm."})
    if on > timezone.localdate():
        raise ValidationError({"on": "It cannot be signed in the future."})
    if letter.number and engagement.letter_on is not None and on < engagement.letter_on:
        raise ValidationError({"on": "R15: an amendment is signed on or after the day of the letter."})
    if letter.number and _as_of_now(letter) != letter.text:
        raise ValidationError("The engagement has changed since the amendment was drafted: draft it anew.")
    letter.file = uploads.register(engagement, found, by=by, obtained_by_auditor=True)
    if drafted is None:
        letter.save()
    _put_in_force(letter, on=on, for_client=for_client, for_firm=for_firm, by=by)
    record(
        RECORDED,
        by=by,
        engagement=engagement,
        target=letter,
        file=letter.file.code,
        sha256=found.sha256,
        on=on.isoformat(),
        changes=letter.changes,
    )
    return letter


@transaction.atomic
def withdraw(letter: EngagementLetter, *, reason: str, by: User) -> EngagementLetter:
    """Take a document back that waits for signatures; what one side has signed of it stays on file.

    Raises PermissionDenied, WrongStage, ValidationError.
    """
    engagement = locked(letter.engagement)
    require(engagement, by, "manage_engagement")
    must_be(engagement, *WORKING)
    letter = EngagementLetter.objects.select_for_update(of=("self",)).get(pk=letter.pk)
    if not letter.to_sign:
        raise ValidationError(f"{letter.title} does not wait for signatures any more.")
    if not reason.strip():
        raise ValidationError({"reason": "Say why it is withdrawn."})
    letter.withdrawn_at, letter.withdrawn_by, letter.withdrawn_because = timezone.now(), by, reason.strip()
    letter.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_because"])
    record(WITHDRAWN, by=by, engagement=engagement, target=letter, reason=reason.strip())
    return letter
