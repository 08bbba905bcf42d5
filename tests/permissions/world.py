"""One engagement with an object of every kind, the same of another client, and everybody who may knock.

Built once for all the tests of a module, inside a transaction that ends with it; each test then works in a
savepoint of its own.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.signals import got_request_exception
from django.db import connection, transaction
from django.http import HttpResponse
from django.template.backends.django import Template
from django.test import Client, RequestFactory
from django.test.client import ClientHandler
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts import invitations, middleware
from accounts.models import ClientMember, FirmMember, User, hash_token
from accounts.policies import demands_on
from accounts.proving import SIGNED_IN_AT
from archive import retention
from archive.models import Addendum, AddendumFile, LegalHold, Pack, PurgeCertificate
from distribution import agreements, granting, reading
from distribution.models import Grant, PartyClass, Publication
from engagements import independence, scope, team
from engagements.freeze import EngagementOwned
from engagements.models import (
    Component,
    Control,
    Engagement,
    InvitedRole,
    NonAttestService,
    ReportingStep,
    Role,
    Stage,
)
from engagements.roles import set_role
from evidence import asking, mailing, resumable
from evidence.correspondence import CalendarFeed, RequestList
from evidence.models import EvidenceFile, EvidenceRequest, Reconciliation, Upload
from evidence.storage import keep
from fieldwork import deviations, notes, profiles, scans, testing
from fieldwork.models import ControlTest, SamplingProfile, ScanReport, SheetItem
from jobs.running import run
from reports import drafting, opinion, own_words, remarks, storage
from reports.models import (
    DescriptionRevision,
    DiscoveredFact,
    EmphasisParagraph,
    EngagementLetter,
    GeneralUseReport,
    Issuance,
    ManagementStatement,
    OwnWording,
    Report,
    ReportComment,
)
from reports.rendering import Rendered
from reports.terms import terms_of
from tests import factories as f
from tests.accounts.makers import a_token, with_second_factor
from tests.evidence import makers as evidence
from tests.fieldwork import makers as fieldwork
from tests.remembered import remembered
from tests.reports import makers as reports

BACKEND = "django.contrib.auth.backends.ModelBackend"

INSIDERS: dict[str, Role] = {key: role for key, (_, role) in (f.FIRM_TEAM | f.CLIENT_TEAM).items()}
# Has a role, but has not confirmed independence: sees what everybody in the engagement sees, and no more (R02).
UNCONFIRMED = "una"
# A colleague in another engagement of the firm, a partner elsewhere, a person who belongs to nobody, an operator.
OUTSIDERS = ("cole", "olga", "nemo", "opal")
# A reader of the report has a session and no account; a deactivated person has an account and no session.
NOBODY = ("reader", "anonymous", "gone")
EVERYBODY = (*INSIDERS, UNCONFIRMED, *OUTSIDERS, *NOBODY)


@dataclasses.dataclass
class World:
    """`ids` are the objects of the engagement by the names that routes give their arguments; see table.py."""

    engagement: Engagement
    ids: dict[str, Any]
    other: Engagement
    other_ids: dict[str, Any]
    elsewhere: Engagement
    people: dict[str, User]
    cookies: dict[str, SimpleCookie]
    errors: list[str] = dataclasses.field(default_factory=list)

    def ask(
        self, who: str, method: str, url: str, data: dict[str, Any] | None = None, **headers: str
    ) -> HttpResponse:
        """Send one request as this person; the session is as it was at first.

        Not by django.test.Client, which keeps a copy of every template's context: half of the time.
        """
        # A form is never quite empty: without its token, what was sent would look like nothing at all.
        sent = {"csrfmiddlewaretoken": "token", **(data or {})} if method == "POST" else (data or {})
        cookie = "; ".join(f"{key}={morsel.value}" for key, morsel in self.cookies[who].items())
        factory = RequestFactory(headers={"Cookie": cookie, **headers})
        self.errors.clear()
        return HANDLER(getattr(factory, method.lower())(url, sent).environ)

    def caught(self, sender: object, **named: object) -> None:
        self.errors.append(repr(sys.exc_info()[1]))


HANDLER = ClientHandler(enforce_csrf_checks=False)


Drawn = Callable[[str], bool]
NOTHING = SafeString("")


def all_drawn(template: str) -> bool:
    return True


def shares(nth: int) -> pytest.MarkDecorator:
    """Every nth case in the suite, all of them in `make drill`."""
    return pytest.mark.parametrize("share", [nth, pytest.param(1, marks=pytest.mark.drill)])


def not_drawn(template: str) -> bool:
    return False


@contextmanager
def swift() -> Iterator[dict[str, Drawn]]:
    """Requests without what says nothing of rights: who somebody is, is looked up once, and so is what the
    person's organizations demand of a sign-in; pages are drawn as `drawn["pages"]` says for their template.

    The middleware, the views, their queries and the database's own rules are as ever.
    """
    sessions: dict[str, dict[str, Any]] = {}
    users: dict[Any, tuple[list[str], list[Any]]] = {}
    demanded: dict[int, Any] = {}
    drawn: dict[str, Drawn] = {"pages": all_drawn}
    load, get_user, render = SessionStore.load, ModelBackend.get_user, Template.render

    def loaded(store: SessionStore) -> dict[str, Any]:
        if store.session_key not in sessions:
            sessions[store.session_key] = load(store)
        return dict(sessions[store.session_key])

    def person(backend: ModelBackend, pk: Any) -> User | None:
        if pk not in users:
            found = get_user(backend, pk)
            if found is None:
                return None
            names = [field.attname for field in User._meta.concrete_fields]
            users[pk] = (names, [getattr(found, name) for name in names])
        return User.from_db("default", *users[pk])

    def demands(user: User) -> Any:
        if user.pk not in demanded:
            demanded[user.pk] = demands_on(user)
        return demanded[user.pk]

    def rendered(template: Template, context: Any = None, request: Any = None) -> SafeString:
        name = template.template.name
        # The report is drawn in any case: the rules read it.
        return render(template, context, request) if name.startswith("report/") or drawn["pages"](name) else NOTHING

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SessionStore, "load", loaded)
        patch.setattr(ModelBackend, "get_user", person)
        patch.setattr(middleware, "demands_on", demands)
        patch.setattr(Template, "render", rendered)
        yield drawn


@contextmanager
def undone() -> Iterator[None]:
    """Everything that happens inside leaves no trace, an error of the database included."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def put(engagement: Engagement, stage: Stage) -> None:
    """Put the engagement at a stage; "issued" with a report issued, frozen."""
    if stage == Stage.ISSUED:
        issue(engagement)
    else:
        f.at_stage(engagement, stage)


def build() -> World:
    with rendered_blank():
        engagement = rich("Northwind Books, Inc.", number="2026-0901")
        other = rich("Southgate Labs, Inc.", number="2026-0902")
        ids, other_ids = ids_of(engagement), ids_of(other)
    people = everybody(engagement, other)
    elsewhere = f.proposed(
        a_client=f.client(f.firm("Ostrom CPA"), "Ostrom Client"), partner=people["olga"], number="2026-0903"
    )
    session = UserSession.objects.create(user=people["petra"], session_key="elsewhere", ip="203.0.113.7")
    token, _ = a_token(people["petra"])
    ids |= {"token": token.pk, "nemo": people["nemo"].pk, "session": session.pk}
    world = World(engagement, ids, other, other_ids, elsewhere, people, {})
    got_request_exception.connect(world.caught)
    for who in EVERYBODY:
        world.cookies[who] = cookies(world, who)
    return world


@contextmanager
def rendered_blank() -> Iterator[None]:
    """Reports come out with blank pages, at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drafting, "printed", blank)
        yield


def blank(*_: Any) -> Rendered:
    """Rendering without WeasyPrint."""
    pdf = reports.a_pdf(2)
    return Rendered(pdf, 2, hashlib.sha256(pdf).hexdigest())


CALENDAR = "the-secret-of-a-calendar"


@remembered
def rich(client: str, *, number: str, partner: User | None = None) -> Engagement:
    """At reporting and ready to issue, with the draft shown to the client and an object of every kind."""
    engagement = reports.in_scope(a_client=f.client(name=client), number=number, partner=partner)
    f.at_stage(engagement, Stage.FIELDWORK)
    who = f.people(engagement)
    other_work = independence.enter(
        engagement,
        "services",
        service="Payroll tax filings",
        starts_on=dt.date(2026, 1, 1),
        overseer="Carla Nord, controller",
        overseer_fitness="Certified.",
        threats="Self-review.",
        by=who["milan"],
    )
    independence.conclude(other_work, effect="none", conclusion="Not near the system.", by=who["petra"])
    retention.place_hold(engagement, reason="Litigation.", by=who["petra"])
    fieldwork.profile()
    control = fieldwork.control(engagement)
    scope.set_owner(control, who["owen"], by=who["petra"])
    removed = fieldwork.control(engagement, "IAM-99", criteria=["CC6.1"])
    scope.remove(removed, reason="Not operated any more.", by=who["petra"])
    evidence.request(engagement, title="Drafted", open_=False)
    evidence.submitted(engagement, title="Submitted")
    begun = evidence.request(engagement, title="Open")
    resumable.begin(begun, name="more.txt", size=1000, by=who["owen"])
    fieldwork.provided(engagement, control, name="Joiners")
    sample = fieldwork.sample(engagement, control)
    test = fieldwork.planned(engagement, control, a_sample=sample)
    evidence.concluded_reconciliation(sample.population)
    profiles.write(engagement.firm, fieldwork.profile(), who["milan"])
    asking.write(engagement.firm, name=f"For {number}", lines=asking.shipped()[:1], by=who["milan"])
    CalendarFeed.objects.get_or_create(user=who["owen"], defaults={"token_hash": hash_token(CALENDAR)})
    cells = fieldwork.worked(test, deviating=[(2, "B")])
    testing.record_procedure(
        test,
        "reperformance",
        people="Head of people",
        on=dt.date(2026, 9, 1),
        what="The days between.",
        outcome="They agree.",
        by=who["sana"],
    )
    scans.read(fieldwork.scanned(engagement), by=who["sana"])
    deviation = fieldwork.evaluated(fieldwork.raised(test, cells))
    deviations.release_to_client(deviation, by=who["milan"])
    deviations.respond(deviation, text="The form is sent on the same day now.", by=who["carla"])
    notes.raise_note(test, text="Why nine days?", by=who["milan"])
    reports.worked(engagement)
    f.at_stage(engagement, Stage.REPORTING)
    reports.described(engagement)
    opinion.add_paragraph(
        engagement, kind="emphasis", title="Moved", text="The platform moved.", reason="R", by=who["petra"]
    )
    opinion.add_matter(
        engagement,
        limbs=["operating"],
        cause="operation",
        title="Late removal",
        basis="Access was removed late.",
        criteria=["CC6.2"],
        deviations=[deviation],
        by=who["petra"],
    )
    reports.concluded(engagement)
    amended(engagement)
    reports.sign(engagement, ManagementStatement.Kind.ASSERTION)
    reports.sign(engagement, ManagementStatement.Kind.GENERAL_USE)
    team.invite_to(engagement, email="iva@example.com", name="Iva Park", role=Role.CONTROL_OWNER, by=who["petra"])
    draft = drafting.request_draft(engagement, by=who["milan"])
    assert draft.job_id is not None
    run(draft.job_id)
    Report.objects.filter(pk=draft.pk).update(shown_to_client_at=timezone.now())
    Engagement.objects.filter(pk=engagement.pk).update(reporting_step=ReportingStep.READY)
    draft.refresh_from_db()
    remarks.comment(draft, place="opinion-scope", text="Is that all?", by=who["carla"])
    own_words.write(
        engagement.firm, element="tests", report_type="", text="See {section_controls}.", note="N.", by=who["milan"]
    )
    engagement.refresh_from_db()
    return engagement


def amended(engagement: Engagement) -> None:
    """An amendment of the engagement letter that was signed elsewhere."""
    who = f.people(engagement)
    EngagementLetter.objects.create(
        engagement=engagement,
        number=9,
        terms=terms_of(engagement),
        changes=[{"term": "system_name", "label": "System", "old": "Ledger", "new": "Northwind Ledger"}],
        reason="Its name.",
        text="Its name is another one.",
        drafted_by=who["milan"],
        drafted_at=timezone.now(),
        file=EvidenceFile.objects.filter(engagement=engagement).order_by("pk")[0],
        executed_on=dt.date(2025, 9, 20),
        signed_for_client="Sigrid Vale",
        signed_for_firm="Petra Alder",
    )


def ids_of(engagement: Engagement) -> dict[str, Any]:
    """An object of every kind, by the names under which the table asks for them."""
    of = {"engagement": engagement}
    removed = Control.objects.get(**of, removed_at__isnull=False)
    test = ControlTest.objects.get(**of, sample__isnull=False)
    requests = {one.title: one.code for one in EvidenceRequest.objects.filter(**of)}
    revision = DescriptionRevision.objects.filter(**of).select_related("section").order_by("pk")[0]
    population = test.sample.population if test.sample else None
    assert population is not None
    assert test.sample is not None
    return {
        "pk": engagement.pk,
        "control": "IAM-06",
        "control_pk": Control.objects.get(**of, number="IAM-06").pk,
        "removed": removed.number,
        "component": Component.objects.get(**of).pk,
        "draft_request": requests["Drafted"],
        "submitted_request": requests["Submitted"],
        "open_request": requests["Open"],
        "file": test.citations.get().file.code,
        "upload": Upload.objects.get(engagement=engagement).token,
        "listing": population.file.code,
        "population": population.pk,
        "provided": population.__class__.objects.get(**of, name="Joiners").pk,
        "sample": test.sample.pk,
        "test": test.pk,
        "item": SheetItem.objects.filter(test=test)[0].pk,
        "note": test.notes.get().pk,
        "procedure": test.procedures.get().pk,
        "scan": ScanReport.objects.get(**of).pk,
        "deviation": test.deviations.get().code,
        "part": revision.section.part,
        "version": revision.version,
        "statement": ManagementStatement.objects.get(**of, kind="assertion", superseded_at__isnull=True).pk,
        "letter": EngagementLetter.objects.get(**of).pk,
        "matter": 1,
        "paragraph": EmphasisParagraph.objects.get(**of).pk,
        "draft": Report.objects.get(**of).number,
        "draft_pk": Report.objects.get(**of).pk,
        "owen": f.people(engagement)["owen"].pk,
        "promised": InvitedRole.objects.get(**of).invitation_id,
        "password": f.PASSWORD,
        "organization": engagement.client_id,
        "client_member": engagement.client.members.get(user__email="owen@example.com").pk,
        "firm_member": engagement.firm.members.get(user__email="sana@example.com").pk,
        "licence": engagement.firm.licences.get().pk,
        "office": engagement.firm.offices.get().pk,
        "service": NonAttestService.objects.get(**of).pk,
        "profile": SamplingProfile.objects.filter(firm=None)[0].pk,
        "written": SamplingProfile.objects.filter(firm=engagement.firm, state="draft").order_by("pk")[0].pk,
        "request_list": RequestList.objects.get(firm=engagement.firm, name=f"For {engagement.number}").pk,
        "stop": mailing.stop_url(f.people(engagement)["owen"]).rstrip("/").rpartition("/")[2],
        "calendar": CALENDAR,
        "reconciliation": Reconciliation.objects.get(**of).pk,
        "hold": LegalHold.objects.get(**of).pk,
        "fact": 0,
        "comment": ReportComment.objects.get(**of).pk,
        "wording": OwnWording.objects.filter(firm=engagement.firm).order_by("pk")[0].pk,
    }


def issue(engagement: Engagement) -> None:
    """Issued and frozen, with a reader who has accepted nothing yet."""
    petra = engagement.created_by
    draft = Report.objects.get(engagement=engagement)
    pdf = reports.a_pdf(3)
    sha256 = hashlib.sha256(pdf).hexdigest()
    drafting.each_page(pdf, lambda page, png: storage.keep_page(engagement.pk, sha256, page, png))
    issuance = Issuance.objects.create(
        engagement=engagement,
        draft=draft,
        job=draft.job,
        number=f"{engagement.number}-1",
        snapshot=draft.snapshot,
        content_sha256="0" * 64,
        report_date=engagement.report_date or dt.date(2026, 11, 1),
        issued_by=petra,
    )
    Engagement.objects.filter(pk=engagement.pk).update(frozen_at=timezone.now())
    reports.released(issuance, pdf)
    Engagement.objects.filter(pk=engagement.pk).update(stage=Stage.ISSUED)
    engagement.refresh_from_db()
    afterwards(engagement, issuance)


def afterwards(engagement: Engagement, issuance: Issuance) -> None:
    """A SOC 3 report, published; a fact that became known, a pack; out of its time an addendum with a file, and a
    certificate of destruction."""
    petra = engagement.created_by
    Publication.objects.create(
        engagement=engagement,
        report=soc_3(engagement, issuance),
        address=f"published-{engagement.number}",
        published_by=f.people(engagement)["carla"],
    )
    addendum(engagement)
    DiscoveredFact.objects.create(
        engagement=engagement,
        issuance=issuance,
        known_on=dt.date(2026, 1, 5),
        fact="A leaver kept access.",
        opened_by=petra,
    )
    content = b"PK, a pack"
    pack = Pack.objects.create(engagement=engagement, number=1, asked_by=petra, job=issuance.job)
    pack.sha256, pack.size, pack.state = hashlib.sha256(content).hexdigest(), len(content), Pack.State.READY
    pack.save()
    storages["reports"].delete(pack.storage_name)
    storages["reports"].save(pack.storage_name, ContentFile(content))
    text = json.dumps(
        {"lock": {"root": "0"}, "destroyed": {"leaves": [], "reports": [], "files": [], "rows": {}, "bytes": 0}}
    )
    PurgeCertificate.objects.create(engagement=engagement, text=text, sha256="0" * 64)


def addendum(engagement: Engagement) -> None:
    """What the quality reviewer has added, with one file."""
    sha256, size = keep(engagement.pk, io.BytesIO(b"abc"))
    of: dict[str, Any] = {"engagement": engagement}
    made = Addendum.objects.create(
        **of, number=1, reason="R", text="T", effect="None.", file_count=1, by=f.people(engagement)["quinn"]
    )
    AddendumFile.objects.create(
        **of, addendum=made, name="letter.txt", size=size, sha256=sha256, content_type="text/plain"
    )


def soc_3(engagement: Engagement, issuance: Issuance) -> GeneralUseReport:
    """The SOC 3 report of the issued one, of the same blank pages."""
    general = GeneralUseReport.objects.create(
        engagement=engagement,
        issuance=issuance,
        statement=ManagementStatement.objects.filter(engagement=engagement).order_by("pk")[0],
        job=issuance.job,
        number=f"{issuance.number}-SOC3",
        content_sha256=issuance.content_sha256,
        issued_by=engagement.created_by,
    )
    general.pdf_sha256, general.pages = issuance.pdf_sha256, 3
    general.released_at, general.state = timezone.now(), GeneralUseReport.State.CURRENT
    general.save()
    return general


def everybody(engagement: Engagement, other: Engagement) -> dict[str, User]:
    people = f.people(engagement)
    people["cole"] = f.person("cole", "Cole Marsh")
    people["una"] = f.person("una", "Una Reyes")
    for key in ("cole", "una"):
        FirmMember.objects.create(firm=engagement.firm, user=people[key])
    set_role(other, people["cole"], Role.MANAGER, by=engagement.created_by)
    set_role(engagement, people["una"], Role.MANAGER, by=engagement.created_by)
    people["olga"] = f.partner_of(f.firm("Ostrom CPA"), "olga", "Olga Ostrom")
    people["nemo"] = f.person("nemo", "Nemo")
    people["opal"] = f.person("opal", "Opal Root")
    User.objects.filter(pk=people["opal"].pk).update(is_staff=True)
    people["gone"] = f.person("gone", "Gary Onward")
    ClientMember.objects.create(organization=engagement.client, user=people["gone"])
    set_role(engagement, people["gone"], Role.CLIENT_ADMIN, by=engagement.created_by)
    return people


def cookies(world: World, who: str) -> SimpleCookie:
    """The session of a person, by the way in which the person gets one."""
    client = Client()
    if who in world.people:
        client.force_login(world.people[who], backend=BACKEND)
        # Thousands of requests take longer than a proof of who one is lasts.
        session = client.session
        session[SIGNED_IN_AT] = time.time() + 10_000
        if who == "opal":
            with_second_factor(session, world.people[who])
        session.save()
    if who == "gone":
        User.objects.filter(pk=world.people[who].pk).update(is_active=False)
    return client.cookies


def invite_reader(world: World, name: str) -> tuple[Grant, str]:
    """A reader of an issued report, and the secret of the link."""
    carla = world.people["carla"]
    if agreements.current(world.engagement) is None:
        agreements.publish(world.engagement, text="Keep it to yourself.", by=carla)
    grant = granting.invite(
        world.engagement,
        email=f"{name.lower()}@prospect.example",
        name=f"{name} Reader",
        company="Prospect Ltd",
        by=carla,
        read_url="https://attestry.test/read/TOKEN/",
    )
    token = f"a-secret-that-only-{name}-has"
    Grant.objects.filter(pk=grant.pk).update(token_hash=reading.hash_token(token))
    return grant, token


def read_along(world: World, grant: Grant, token: str) -> None:
    """The reader opens the link and accepts the terms: from now on "reader" is somebody."""
    client = Client()
    client.post(reverse("distribution:open_link", args=[token]))
    world.cookies["reader"] = client.cookies
    terms = agreements.current(world.engagement)
    assert terms is not None
    reading.accept(
        grant,
        agreement_sha256=terms.sha256,
        party_class=PartyClass.values[0],
        knows=True,
        typed_name=grant.name,
        visitor=reading.Visitor(),
    )


def invite_person(world: World) -> str:
    """The secret of an open invitation to the client's side."""
    token = "a-secret-that-only-the-invited-has"
    made = invitations.invite(
        email="ivy@example.com",
        name="Ivy Low",
        organization=world.engagement.client,
        by=world.people["petra"],
        accept_url="https://attestry.test/invitation/TOKEN/",
    )
    made.token_hash = invitations.hash_token(token)
    made.save(update_fields=["token_hash"])
    return token


def owned_tables() -> list[str]:
    """The tables of everything that belongs to an engagement and freezes with it."""

    def below(model: type[Any]) -> Iterator[type[Any]]:
        for child in model.__subclasses__():
            if not child._meta.abstract:
                yield child
            yield from below(child)

    return sorted({model._meta.db_table for model in below(EngagementOwned)})


def digest(tables: list[str]) -> dict[str, str]:
    """A hash over the rows of each table; the engagement's own too. That something was refused is no change."""
    query = " UNION ALL ".join(
        f"SELECT '{table}', md5(coalesce(string_agg(t::text, '|' ORDER BY t.id), '')) FROM {table} t"  # noqa: S608
        + (" WHERE action NOT LIKE 'refused.%%'" if table == "audit_event" else "")
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return dict(cursor.fetchall())
