"""The engagement letter and its amendments: drafted from the data and signed by both, here or elsewhere."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from audit.models import Event
from engagements import registers, workflow
from engagements.models import Engagement, LetterAmendment, SubserviceOrganization
from engagements.register import findings
from engagements.waiting import waiting_for
from evidence.models import EvidenceFile
from evidence.uploads import download
from reports import letters
from reports.models import EngagementLetter, LetterSignature
from tests import factories as f
from tests.remembered import remembered
from tests.reports import makers as m

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
FEES = "A fixed fee of USD 48,000, half of it when the letter is signed."


@remembered
def unsigned(**fields: Any) -> Engagement:
    """Accepted, with a carved-out host in scope and no letter yet."""
    engagement = f.staffed(**fields)
    f.independent(engagement)
    workflow.accept(engagement, on=dt.date(2025, 9, 1), note="Known, independent.", by=engagement.created_by)
    host(engagement)
    return engagement


def host(engagement: Engagement, name: str = "Cumulus", method: str = "carve_out") -> SubserviceOrganization:
    return registers.add_subservice(
        engagement, name=name, services="Hosting", method=method, by=engagement.created_by
    )


def drafted(engagement: Engagement, **fields: Any) -> EngagementLetter:
    return letters.draft(engagement, fees=FEES, by=f.people(engagement)["milan"], **fields)


def sign(letter: EngagementLetter, who: str, **fields: Any) -> LetterSignature:
    values: dict[str, Any] = {
        "by": f.people(letter.engagement)[who],
        "password": f.PASSWORD,
        "title": "Partner" if who == "petra" else "Chief executive officer",
        "agreed": True,
        "seen_sha256": letter.content_sha256,
        **fields,
    }
    return letters.sign(letter, **values)


@remembered
def signed(**fields: Any) -> Engagement:
    """The letter in force, signed here by both."""
    engagement = unsigned(**fields)
    letter = drafted(engagement)
    for who in ("petra", "sig"):
        sign(letter, who)
    engagement.refresh_from_db()
    return engagement


def proposed(engagement: Engagement, **fields: Any) -> EngagementLetter:
    values = {"reason": "The client changes its year.", **fields}
    return letters.propose(engagement, by=f.people(engagement)["milan"], **values)


def standing(engagement: Engagement, step: str) -> list[str]:
    return [one.text for one in findings(step, Engagement.objects.get(pk=engagement.pk)) if one.rule == "R15"]


# What it says


def test_the_letter_says_what_the_engagement_is() -> None:
    engagement = unsigned()
    host(engagement, "Mirror Data", "inclusive")
    text = letters.letter_text(engagement, fees=FEES, further="Work is done on site in March.")
    for words in (
        "Alder & Finch LLP",
        "Northwind Books, Inc.",
        "Northwind Ledger system",
        "throughout the period October 1, 2025 to September 30, 2026",
        "Type 2",
        "relevant to security and availability",
        "attestation standards established by the American Institute of Certified Public Accountants",
        "Each gives us its own assertion and its own representation letter:\n\n- Mirror Data",
        "we will not examine those controls:\n\n- Cumulus",
        "representation letter dated as of our report",
        "for 7 years",
        "We give you no services besides this examination.",
        FEES,
        "Work is done on site in March.",
    ):
        assert words in text


def test_a_type_1_letter_speaks_of_a_date_and_of_design_alone() -> None:
    text = letters.letter_text(unsigned(type="1"), fees=FEES)
    assert "as of September 30, 2026" in text
    assert "We will not examine whether the controls operated effectively" in text
    assert "throughout" not in text


# Signed by both


def test_the_second_signature_puts_the_letter_in_force() -> None:
    engagement = unsigned()
    letter = drafted(engagement)
    assert letter.content_sha256 == hashlib.sha256(letter.text.encode()).hexdigest()
    sign(letter, "sig")
    engagement.refresh_from_db()
    assert engagement.letter_on is None
    sign(letter, "petra")
    engagement.refresh_from_db()
    letter.refresh_from_db()
    today = timezone.localdate()
    assert (letter.executed_on, engagement.letter_on) == (today, today)
    assert (engagement.letter_signed_for_client, engagement.letter_signed_for_firm) == (
        "Sigrid Vale",
        "Petra Alder",
    )
    client, firm = letter.signatures.all()
    assert (client.side, firm.side) == ("client", "firm")
    assert client.content_sha256 == firm.content_sha256 == letter.content_sha256
    assert client.intent == letters.intent_of(engagement, letters.Side.CLIENT)
    assert "Northwind Books, Inc." in client.intent
    told = list(
        Event.objects.filter(action__startswith="letter.").order_by("seq").values_list("action", "actor_name")
    )
    assert told == [
        ("letter.drafted", "Milan Finch"),
        ("letter.signed", "Sigrid Vale"),
        ("letter.signed", "Petra Alder"),
        ("letter.in_force", "Petra Alder"),
    ]
    with pytest.raises(ValidationError, match="in force"):
        drafted(engagement)


@pytest.mark.parametrize("who", ["milan", "sana", "quinn", "carla", "owen"])
def test_nobody_else_signs(who: str) -> None:
    letter = drafted(unsigned())
    with pytest.raises(PermissionDenied):
        sign(letter, who)
    assert not LetterSignature.objects.exists()


def test_the_clients_side_and_staff_draft_nothing() -> None:
    engagement = unsigned()
    for who in ("sana", "sig", "carla"):
        with pytest.raises(PermissionDenied):
            letters.draft(engagement, fees=FEES, by=f.people(engagement)[who])
    with pytest.raises(ValidationError, match="costs"):
        letters.draft(engagement, fees=" ", by=engagement.created_by)
    assert not EngagementLetter.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"password": "guess"}, "not your password"),
        ({"agreed": False}, "agree"),
        ({"title": " "}, "title"),
        ({"seen_sha256": "0" * 64}, "drafted anew"),
    ],
)
def test_what_is_not_a_signature_signs_nothing(fields: dict[str, Any], words: str) -> None:
    letter = drafted(unsigned())
    with pytest.raises(ValidationError, match=words):
        sign(letter, "sig", **fields)
    assert not LetterSignature.objects.exists()
    assert not Event.objects.filter(action="letter.signed").exists()


def test_each_side_signs_once() -> None:
    letter = drafted(unsigned())
    sign(letter, "sig")
    with pytest.raises(ValidationError, match="already"):
        sign(letter, "sig")
    letter.refresh_from_db()
    assert letter.executed_on is None


def test_a_text_that_is_no_longer_true_is_withdrawn_and_drafted_anew() -> None:
    engagement = unsigned()
    letter = drafted(engagement)
    sign(letter, "petra")
    workflow.change(engagement, period_end=dt.date(2026, 8, 31), by=engagement.created_by)
    with pytest.raises(ValidationError, match="drafted anew"):
        sign(letter, "sig")
    with pytest.raises(ValidationError, match="Withdraw it"):
        drafted(engagement)
    milan = f.people(engagement)["milan"]
    with pytest.raises(ValidationError, match="why"):
        letters.withdraw(letter, reason="", by=milan)
    letters.withdraw(letter, reason="The period is shorter.", by=milan)
    with pytest.raises(ValidationError, match="any more"):
        sign(letter, "sig")
    again = drafted(engagement)
    assert "August 31, 2026" in again.text
    assert LetterSignature.objects.get().letter_id == letter.pk


# What the database keeps


def test_nothing_is_in_force_with_one_signature_and_nothing_signed_changes() -> None:
    letter = drafted(unsigned())
    made = sign(letter, "petra")
    mine = EngagementLetter.objects.filter(pk=letter.pk)
    sig = f.people(letter.engagement)["sig"]
    copy: dict[str, Any] = {
        name: getattr(made, name) for name in ("engagement", "letter", "name", "title", "intent", "signed_at")
    }
    names = {"signed_for_client": "S", "signed_for_firm": "P"}
    refused: list[Any] = [
        lambda: mine.update(executed_on=timezone.localdate(), **names),
        lambda: mine.update(text="Another"),
        lambda: mine.update(terms={}),
        mine.delete,
        lambda: LetterSignature.objects.update(name="Somebody"),
        LetterSignature.objects.all().delete,
        # The same person for the other side; another text.
        lambda: LetterSignature.objects.create(
            **copy, side="client", signed_by=made.signed_by, content_sha256=made.content_sha256
        ),
        lambda: LetterSignature.objects.create(**copy, side="client", signed_by=sig, content_sha256="0" * 64),
    ]
    for act in refused:
        with pytest.raises(DatabaseError), transaction.atomic():
            act()
    sign(letter, "sig")
    with pytest.raises(DatabaseError), transaction.atomic():
        mine.update(executed_on=timezone.localdate() - DAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        EngagementLetter.objects.create(
            engagement=letter.engagement, number=0, terms={}, text="T", drafted_by=sig, drafted_at=timezone.now()
        )


# Amendments


def test_an_amendment_takes_effect_when_both_have_signed() -> None:
    engagement = signed()
    new_end = dt.date(2026, 12, 31)
    amendment = proposed(engagement, period_end=new_end)
    assert [(one["label"], one["old"], one["new"]) for one in amendment.changes] == [
        ("Last day of the period", "September 30, 2026", "December 31, 2026")
    ]
    assert (
        "**Last day of the period.** Until now: September 30, 2026. From now on: December 31, 2026."
        in amendment.text
    )
    assert "The client changes its year." in amendment.text
    sign(amendment, "petra")
    engagement.refresh_from_db()
    assert engagement.period_end == dt.date(2026, 9, 30)
    assert standing(engagement, "reporting") == [
        "Amendment 1 of the engagement letter is not signed by both: have it signed, or withdraw it."
    ]
    sign(amendment, "sig")
    engagement.refresh_from_db()
    assert engagement.period_end == new_end
    made = LetterAmendment.objects.get()
    assert made.changes == {"period_end": ["2026-09-30", "2026-12-31"]}
    assert (made.number, made.on, made.signed_for_client) == (1, timezone.localdate(), "Sigrid Vale")
    assert Event.objects.get(action="engagement.changed").detail["reason"] == "The client changes its year."
    assert standing(engagement, "issue") == []
    assert proposed(engagement, period_end=dt.date(2026, 11, 30)).number == 2


def test_the_type_changes_with_its_dates() -> None:
    engagement = signed()
    fields = {"type": "1", "as_of": dt.date(2026, 9, 30), "period_start": None, "period_end": None}
    with pytest.raises(ValidationError):
        proposed(engagement, type="1")
    amendment = proposed(engagement, reason="No period of operation yet.", **fields)
    assert "**Type of report.** Until now: Type 2. From now on: Type 1." in amendment.text
    for who in ("sig", "petra"):
        sign(amendment, who)
    engagement.refresh_from_db()
    assert (engagement.type, engagement.as_of, engagement.period_end) == ("1", dt.date(2026, 9, 30), None)


def test_an_amendment_says_what_changes_and_why_one_at_a_time() -> None:
    engagement = signed()
    end = dt.date(2026, 12, 31)
    with pytest.raises(ValidationError, match="Nothing of this"):
        proposed(engagement)
    with pytest.raises(ValidationError, match="why"):
        proposed(engagement, period_end=end, reason=" ")
    with pytest.raises(ValidationError, match="does not agree number"):
        proposed(engagement, number="X")
    with pytest.raises(PermissionDenied):
        letters.propose(engagement, reason="R", period_end=end, by=f.people(engagement)["sig"])
    with pytest.raises(ValidationError, match="change its draft"):
        proposed(unsigned(number="2026-7777"), period_end=end)
    proposed(engagement, period_end=end)
    with pytest.raises(ValidationError, match="waits for signatures"):
        proposed(engagement, period_end=end)
    engagement.refresh_from_db()
    assert engagement.period_end == dt.date(2026, 9, 30)


def test_terms_do_not_change_in_the_settings_any_more() -> None:
    engagement = signed()
    with pytest.raises(ValidationError, match="R15"):
        workflow.change(engagement, period_end=dt.date(2026, 12, 31), by=engagement.created_by)
    workflow.change(engagement, report_due=dt.date(2026, 12, 31), by=engagement.created_by)


def test_another_method_for_a_subservice_organization_stops_the_report_until_it_is_agreed() -> None:
    engagement = signed()
    # The letter provides for carved-out ones that become known later.
    host(engagement, "Latecomer")
    assert standing(engagement, "issue") == []
    SubserviceOrganization.objects.filter(name="Cumulus").update(method="inclusive")
    [said] = standing(engagement, "issue")
    assert [said] == standing(engagement, "reporting")
    assert said.startswith(
        "Subservice organization Cumulus: agreed is carve-out method, now it is inclusive method."
    )
    amendment = proposed(engagement, reason="Its operations are examined with the client's.")
    assert "Type 2. Carved out is Latecomer. Included is Cumulus." in amendment.text
    for who in ("petra", "sig"):
        sign(amendment, who)
    assert standing(engagement, "issue") == []
    assert LetterAmendment.objects.get().changes == {
        "Subservice organization Cumulus": ["carve-out method", "inclusive method"]
    }
    SubserviceOrganization.objects.filter(name="Cumulus").delete()
    assert "not named" in standing(engagement, "issue")[0]


# Signed elsewhere


def elsewhere(engagement: Engagement, **fields: Any) -> EngagementLetter:
    values: dict[str, Any] = {
        "file": io.BytesIO(m.a_pdf()),
        "name": "letter signed.pdf",
        "on": dt.date(2025, 9, 10),
        "for_client": "Sigrid Vale",
        "for_firm": "Petra Alder",
        "by": f.people(engagement)["milan"],
        **fields,
    }
    return letters.record_elsewhere(engagement, **values)


def test_a_letter_signed_elsewhere_is_recorded_with_its_copy() -> None:
    engagement = unsigned()
    letter = elsewhere(engagement)
    engagement.refresh_from_db()
    assert engagement.letter_on == letter.executed_on == dt.date(2025, 9, 10)
    assert letter.file is not None
    assert letter.file.sha256 == hashlib.sha256(m.a_pdf()).hexdigest()
    assert download(letter.file, by=f.people(engagement)["sig"]).read() == m.a_pdf()
    event = Event.objects.get(action="letter.recorded")
    assert (event.detail["sha256"], event.detail["on"]) == (letter.file.sha256, "2025-09-10")
    SubserviceOrganization.objects.update(method="inclusive")
    assert len(standing(engagement, "issue")) == 1


def test_a_draft_and_an_amendment_can_be_signed_elsewhere() -> None:
    engagement = unsigned()
    letter = drafted(engagement)
    assert elsewhere(engagement).pk == letter.pk
    amendment = proposed(engagement, period_end=dt.date(2026, 12, 31))
    with pytest.raises(ValidationError, match="R15"):
        elsewhere(engagement, on=dt.date(2025, 9, 9))
    assert elsewhere(engagement, on=dt.date(2025, 10, 1)).pk == amendment.pk
    engagement.refresh_from_db()
    assert engagement.period_end == dt.date(2026, 12, 31)
    assert LetterAmendment.objects.get().on == dt.date(2025, 10, 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"file": io.BytesIO(b"signed by both"), "name": "letter.txt"}, "PDF"),
        ({"on": dt.date(2025, 8, 31)}, "R47"),
        ({"on": dt.date(2126, 1, 1)}, "future"),
        ({"for_client": "petra  ALDER"}, "Two people"),
        ({"for_client": " "}, "Name who signed"),
    ],
)
def test_what_was_not_signed_so_is_not_recorded(fields: dict[str, Any], words: str) -> None:
    engagement = unsigned()
    with pytest.raises(ValidationError, match=words):
        elsewhere(engagement, **fields)
    engagement.refresh_from_db()
    assert engagement.letter_on is None
    assert not EvidenceFile.objects.exists()
    assert not EngagementLetter.objects.exists()


def test_only_the_firms_managers_record_it() -> None:
    engagement = unsigned()
    for who in ("sana", "sig"):
        with pytest.raises(PermissionDenied):
            elsewhere(engagement, by=f.people(engagement)[who])


# What waits


def test_each_finds_what_it_has_to_do() -> None:
    engagement = unsigned()
    who = f.people(engagement)

    def waits(key: str) -> list[str]:
        found = waiting_for(who[key], today=timezone.localdate())
        return [one.text for one in found if "letter" in one.text]

    assert waits("milan") == waits("petra") == ["Draft the engagement letter for signature"]
    assert waits("sig") == []
    letter = drafted(engagement)
    assert waits("milan") == []
    assert waits("petra") == waits("sig") == ["Sign: engagement letter"]
    sign(letter, "petra")
    assert waits("petra") == []
    sign(letter, "sig")
    assert waits("sig") == waits("milan") == []
    proposed(engagement, system_name="Northwind Ledger 2")
    assert waits("sig") == ["Sign: amendment 1 of the engagement letter"]


# Pages


def test_both_sign_on_the_pages_and_the_chain_is_in_one_place(client: Any) -> None:
    engagement = unsigned()
    who = f.people(engagement)
    base = f"/engagements/{engagement.pk}/letter/"
    client.force_login(who["milan"])
    look = client.post(f"{base}draft/", {"fees": "A fee of its own.", "look": "1"})
    assert "A fee of its own." in look.content.decode()
    assert not EngagementLetter.objects.exists()
    client.post(f"{base}draft/", {"fees": FEES})
    letter = EngagementLetter.objects.get()
    page = letter.get_absolute_url()
    assert "Sign this text" not in client.get(page).content.decode()
    form = {"title": "Partner", "agreed": "on", "password": f.PASSWORD, "seen": letter.content_sha256}
    assert client.post(page, form).status_code == 403
    for key in ("petra", "sig"):
        client.force_login(who[key])
        shown = client.get(page).content.decode()
        assert "Sign this text" in shown
        refused = client.post(page, {**form, "agreed": ""})
        assert refused.status_code == 422
        assert "Say that you agree" in refused.content.decode()
        assert client.post(page, form)["Location"] == page
    listed = client.get(base).content.decode()
    assert "In force" in listed
    assert "Petra Alder and Sigrid Vale" in " ".join(listed.split())
    client.force_login(who["milan"])
    terms = {
        "system_name": "Northwind Ledger",
        "type": "2",
        "period_start": "2025-10-01",
        "categories": ["availability"],
    }
    sent = client.post(f"{base}amend/", {**terms, "period_end": "2026-12-31", "reason": "Another year."})
    amendment = EngagementLetter.objects.get(number=1)
    assert sent["Location"] == amendment.get_absolute_url()
    assert "December 31, 2026" in client.get(base).content.decode()
    copy = {
        "file": io.BytesIO(m.a_pdf()),
        "on": timezone.localdate(),
        "for_client": "S. Vale",
        "for_firm": "P. Alder",
    }
    copy["file"].name = "amendment.pdf"  # type: ignore[union-attr]
    assert client.post(f"{base}elsewhere/", copy)["Location"] == base
    amendment.refresh_from_db()
    assert amendment.executed_on == timezone.localdate()
    client.force_login(who["sig"])
    assert b"".join(client.get(f"{amendment.get_absolute_url()}copy/").streaming_content) == m.a_pdf()
    settings = f"/engagements/{engagement.pk}/settings/"
    client.force_login(who["milan"])
    client.post(settings, {"number": "2026-N", "period_end": "2027-01-31", "type": "1"})
    engagement.refresh_from_db()
    assert (engagement.number, engagement.period_end) == ("2026-N", dt.date(2026, 12, 31))
