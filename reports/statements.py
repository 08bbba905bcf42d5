"""What management signs: the assertion, the representation letter, the inquiry about subsequent events.

The text is built from the engagement's data and shown before it is signed; what was signed is stored to the
letter with its hash, the time and the address, and never changes. A new signing supersedes the old one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re

from django.core.exceptions import ValidationError
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User
from accounts.proving import prove
from audit.context import current_ip
from audit.trail import action, record
from engagements.models import Engagement, Stage
from engagements.roles import require
from engagements.workflow import locked, must_be
from reports.lattice import INQUIRY_DAYS
from reports.models import ManagementStatement, SystemDescription
from reports.snapshot import build, standing_statements
from reports.wording import Phrases, assertion_text, day, general_use_text

SIGNED = action("statement.signed", "signed {target}, dated {stated_on}")

Kind = ManagementStatement.Kind

TEMPLATES = {
    Kind.REPRESENTATION: "reports/letters/representation.md",
    Kind.SUBSEQUENT_EVENTS: "reports/letters/subsequent_events.md",
}


def proposed(engagement: Engagement, kind: Kind | str, *, modifications: str = "") -> str:
    """The text management is asked to sign, in Markdown, from the data as they stand.

    `modifications`: in what respects the assertion does not hold; in the letters, what has to be told. The
    assertion for general use has those of the assertion that is signed, and no others.
    """
    content = build(engagement)
    if kind == Kind.GENERAL_USE:
        return general_use_text(content)
    if kind == Kind.ASSERTION:
        content["assertion"]["modifications"] = modifications.strip()
        return assertion_text(content)
    context = {
        "s": content,
        "w": Phrases(content),
        "told": modifications.strip(),
        "report_date": day(engagement.report_date.isoformat()) if engagement.report_date else "",
        "ends_on": day(engagement.ends_on.isoformat()),
    }
    text = render_to_string(TEMPLATES[Kind(kind)], context)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def sign(
    engagement: Engagement,
    kind: Kind | str,
    *,
    by: User,
    password: str,
    stated_on: dt.date,
    signatory_name: str,
    signatory_title: str,
    modifications: str = "",
    basis: str = "",
    seen_sha256: str | None = None,
) -> ManagementStatement:
    """Sign the text as it stands now; the statement of this kind that was current is superseded.

    `stated_on` is the date the document bears; `seen_sha256` the hash of the text that was shown: when the text
    has changed since, nothing is signed. Raises PermissionDenied, WrongStage, ValidationError (wrong password,
    date, missing name, description not complete).
    """
    kind = Kind(kind)
    require(engagement, by, "sign_assertion")
    prove(by, password)
    engagement = locked(engagement)
    # Again: whoever waited for the lock may have lost the role meanwhile.
    require(engagement, by, "sign_assertion")
    must_be(engagement, Stage.FIELDWORK, Stage.REPORTING)
    name, title = " ".join(signatory_name.split()), " ".join(signatory_title.split())
    if not name or not title:
        raise ValidationError({"signatory_title": "Name and title of who signs are printed; give both."})
    _check_ready(engagement, kind, basis)
    _check_date(engagement, kind, stated_on)
    text = proposed(engagement, kind, modifications=modifications)
    sha256 = text_hash(text)
    if kind == Kind.GENERAL_USE:
        modifications = standing_statements(engagement)[Kind.ASSERTION].modifications
    if seen_sha256 is not None and seen_sha256 != sha256:
        raise ValidationError("The text has changed since it was shown to you. Read it again, then sign.")
    now = timezone.now()
    ManagementStatement.objects.filter(engagement=engagement, kind=kind, superseded_at__isnull=True).update(
        superseded_at=now
    )
    statement = ManagementStatement.objects.create(
        engagement=engagement,
        kind=kind,
        modifications=modifications.strip(),
        basis=basis.strip(),
        text=text,
        content_sha256=sha256,
        stated_on=stated_on,
        signatory_name=name,
        signatory_title=title,
        signed_by=by,
        signed_at=now,
        signed_from=current_ip(),
    )
    record(
        SIGNED,
        by=by,
        engagement=engagement,
        target=statement,
        stated_on=stated_on.isoformat(),
        sha256=sha256,
    )
    return statement


def _check_ready(engagement: Engagement, kind: Kind, basis: str) -> None:
    if kind == Kind.ASSERTION:
        if not SystemDescription.objects.filter(engagement=engagement, completed_at__isnull=False).exists():
            raise ValidationError("The assertion is made on the description: complete the description first.")
        if not basis.strip():
            raise ValidationError(
                {"basis": "Say what management's assertion rests on: monitoring, self-tests, internal audit."}
            )
        return
    if kind == Kind.GENERAL_USE and not engagement.is_type_2:
        raise ValidationError("A SOC 3 report speaks of a period: there is none of a Type 1 examination.")
    if kind == Kind.GENERAL_USE and Kind.ASSERTION not in standing_statements(engagement):
        raise ValidationError("It says the same as the assertion, in short: sign the assertion first.")
    if engagement.report_date is None:
        raise ValidationError("The partner has not set the report date yet. The letter is dated by it.")


def _check_date(engagement: Engagement, kind: Kind, stated_on: dt.date) -> None:
    """R49, R50, R52 and that nothing is dated ahead."""
    report_date = engagement.report_date
    if stated_on > timezone.localdate():
        raise ValidationError({"stated_on": "A document is not dated ahead of the day it is signed."})
    if stated_on < engagement.ends_on or (engagement.is_type_2 and stated_on == engagement.ends_on):
        raise ValidationError({"stated_on": "It speaks of a time that was not over on that day (R49)."})
    if report_date is None:
        return
    if kind == Kind.REPRESENTATION and stated_on != report_date:
        raise ValidationError({"stated_on": f"The letter bears the report date, {_words(report_date)} (R50)."})
    if stated_on > report_date:
        raise ValidationError({"stated_on": f"This lies after the report date, {_words(report_date)}."})
    if kind == Kind.SUBSEQUENT_EVENTS and (report_date - stated_on).days > INQUIRY_DAYS:
        raise ValidationError(
            {"stated_on": f"At most {INQUIRY_DAYS} days before the report date, {_words(report_date)} (R52)."}
        )


def _words(date: dt.date) -> str:
    return day(date.isoformat())


def suggested_date(engagement: Engagement, kind: Kind | str) -> dt.date:
    """The date the document would usually bear."""
    today = timezone.localdate()
    if engagement.report_date is not None:
        return min(engagement.report_date, today) if kind != Kind.REPRESENTATION else engagement.report_date
    return today
