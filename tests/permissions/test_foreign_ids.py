"""What belongs to another tenant is answered like what does not exist: in addresses, and in fields of forms.

Whoever asks has the same role in both engagements, so that nothing but the query keeps them apart.
(OWASP ASVS 5.0, 8.2.2 and 8.4.1)
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django import forms
from django.db import models
from django.http import HttpResponse

from accounts.models import ClientMember, FirmMember, Licence, Office, ServiceOrganization, User
from controls.models import Criterion
from engagements.models import Control, Engagement, Stage
from evidence.models import EvidenceFile, EvidenceRequest
from fieldwork.models import Attribute, Deviation
from reports.models import DescriptionRevision, DiscoveredFact, Matter, Report
from tests.accounts.makers import a_token
from tests.database import as_owner
from tests.permissions.bodies import STAGES, Sending, each, reading, senders
from tests.permissions.table import TABLE, Row
from tests.permissions.test_table import Table, may
from tests.permissions.world import INSIDERS, World, invite_reader, issue, shares, swift, undone

pytestmark = pytest.mark.django_db

# Nothing has this number, and nothing that counts within an engagement gets to it.
NOBODYS = 918_273_645
# What counts within each engagement is moved apart, so that what one has is not there in the other.
APART = 40
MOVED: list[tuple[type[models.Model], str]] = [
    (Control, "number"),
    (EvidenceRequest, "code"),
    (EvidenceFile, "code"),
    (Deviation, "code"),
    (Attribute, "letter"),
    (Report, "number"),
    (Matter, "number"),
    (DescriptionRevision, "version"),
]
# Arguments of addresses that name no object of an engagement: people of both, and parts of every description.
NAMES = {"owen", "part"}
# Objects that are in the other engagement under this key and here under none, for what views read by themselves.
BY_HAND = {
    "ids": "control_pk",
    "controls": "control_pk",
    "replaces": "file",
    "evidence": "file",
    "item": "item",
    "attribute": "attribute",
    "draft": "draft_pk",
    "sample": "sample",
    "monitoring": "control",
    "control": "control",
    "request": "submitted_request",
    "exception": "deviation",
    "subject": "subject",
    "discard": "upload",
    "continues": "provided",
    "population": "provided",
    "firm": "firm",
    "first": "listed",
    "second": "listed",
}
# What views read by themselves and names nothing: words, choices, days.
WORDS = set(
    "csrfmiddlewaretoken confirm role codes value note place label title pass_rule step act text modifications to "
    "outcome relevant reason statement encoding sheet file format rule conclusion "
    "expected entries source next from end kind standing q page row with all act preview reason_1".split()
)
# Tokens against forged requests and for scripts; the time.
PASSING = re.compile(r'nonce="[^"]*"|\b[A-Za-z0-9]{64}\b|\b\d\d:\d\d(?::\d\d)?\b')
# Reference data, the same for every tenant.
SHARED = {Criterion}


@pytest.fixture(autouse=True)
def swiftly() -> Iterator[None]:
    with swift():
        yield


@pytest.fixture
def apart(world: World) -> Iterator[World]:
    """The world with numbers and codes of the other engagement that are not there in the first."""
    with undone():
        pk = world.other.pk
        for model, column in MOVED:
            change = (
                f"{column} + {APART}"
                if isinstance(model._meta.get_field(column), models.IntegerField)
                else f"'Z' || {column}"
            )
            unprotected(
                model._meta.db_table,
                f"UPDATE {model._meta.db_table} SET {column} = {change} WHERE engagement_id = {pk}",  # noqa: S608
            )
        moved = {
            key: value + APART
            if key in {"draft", "matter", "version"}
            else f"Z{value}"
            if isinstance(value, str) and key not in {"password", "part"}
            else value
            for key, value in world.other_ids.items()
        }
        moved |= {"attribute": "ZA", "subject": f"engagements.engagement:{pk}"}
        moved |= {"firm": world.elsewhere.firm_id, "listed": f"p{world.other_ids['provided']}"}
        yield dataclasses.replace(world, other_ids=moved)


def unprotected(table: str, statement: str) -> None:
    """The triggers refuse such a change to whoever asks: the table's owner takes them off meanwhile."""
    as_owner(f"""
        DO $$ DECLARE always text; BEGIN
            SELECT string_agg(format('ENABLE ALWAYS TRIGGER %I', tgname), ', ') INTO always FROM pg_trigger
            WHERE tgrelid = '{table}'::regclass AND NOT tgisinternal AND tgenabled = 'A';
            SET CONSTRAINTS ALL IMMEDIATE;
            ALTER TABLE {table} DISABLE TRIGGER USER;
            {statement};
            SET CONSTRAINTS ALL IMMEDIATE;
            ALTER TABLE {table} ENABLE TRIGGER USER;
            EXECUTE coalesce('ALTER TABLE {table} ' || always, 'SELECT');
            SET CONSTRAINTS ALL DEFERRED;
        END $$""")  # noqa: S608


def answer(response: HttpResponse, *named: object) -> tuple[Any, ...]:
    """What an answer says, without what was asked for and without what differs from one request to the next."""
    said = [
        # A row that both answers made has another key in each.
        re.sub(r"/\d+/", "/N/", response.get("Location", "")),
        response.content.decode(errors="replace") if not response.streaming else "a file",
        *(str(message) for message in getattr(response.wsgi_request, "_messages", [])),
    ]
    words = [PASSING.sub("", one) for one in said]
    for name in named:
        words = [re.sub(rf"\b{re.escape(str(name))}\b", "ID", word) for word in words]
    return response.status_code, *words


def arguments(row: Row) -> list[int]:
    """The places of its address in which an object of an engagement stands."""
    return [at for at, arg in enumerate(row.args) if not arg.startswith("=") and arg not in NAMES]


def asked(*, issued: bool = False) -> list[tuple[Row, str, str, int]]:
    """Route, method, person, place of the id."""
    found = []
    for row in TABLE.values():
        for method, need in (("GET", row.get), ("POST", row.post)):
            who = next((key for key in INSIDERS if need and may(key, need, row) and key not in row.hidden), None)
            if row.of_engagement and who and (row.at == Stage.ISSUED) == issued:
                # The other engagement has no report: of what comes after it, only its own number can be put in.
                found += [(row, method, who, at) for at in ([0] if issued else arguments(row))]
    return found


def test_the_addresses_are_as_many_as_they_were() -> None:
    assert len(asked()) >= 245
    assert len(asked(issued=True)) >= 33


@shares(8)
@pytest.mark.parametrize("stage", [Stage.REPORTING, Stage.ISSUED])
def test_an_address_with_the_id_of_another_tenant(apart: World, stage: Stage, share: int) -> None:
    with undone():
        table = Table(apart, stage)
        others = apart.other_ids | {"pk": apart.elsewhere.pk}
        for row, method, who, at in asked(issued=stage == Stage.ISSUED)[::share]:
            answers = []
            values = (others[row.args[at]], never(others[row.args[at]]))
            for value in values:
                ids = table.ids | {row.args[at]: value}
                with undone():
                    response = apart.ask(who, method, table.url(row, ids), table.data(row))
                    answers.append(answer(response, *values))
                if response.status_code != 404:
                    table.note(who, method, row, f"{response.status_code} for {row.args[at]} {value}")
            if answers[0] != answers[1]:
                table.note(
                    who, method, row, f"{row.args[at]} of another: {answers[0][:2]}, of nobody: {answers[1][:2]}"
                )
    table.agrees()


def test_a_grant_or_fact_of_another_report(apart: World) -> None:
    """What comes after an issue, put in from another engagement that is issued too."""
    with undone():
        issue(apart.other)
        fact = DiscoveredFact.objects.get(engagement=apart.other)
        grant, _ = invite_reader(dataclasses.replace(apart, engagement=apart.other), "Rosa")
        others = {"grant": grant.pk, "fact": fact.pk}
        table = Table(apart, Stage.ISSUED)
        tried = set()
        for row in TABLE.values():
            places = others.keys() & set(row.args)
            for method, need in (("GET", row.get), ("POST", row.post)):
                for who in INSIDERS if places and need else ():
                    (place,) = places
                    answers = []
                    values = (others[place], NOBODYS)
                    for value in values:
                        with undone():
                            url = table.url(row, table.ids | {place: value})
                            answers.append(answer(apart.ask(who, method, url, table.data(row)), *values))
                    right = {404} if may(who, need, row) else {403, 404}
                    if answers[0] != answers[1] or answers[0][0] not in right:
                        table.note(who, method, row, f"of another: {answers[0][:2]}, of nobody: {answers[1][:2]}")
                    tried.add(row.name)
        assert len(tried) >= 3, tried
    table.agrees()


def elsewhere_of(world: World) -> dict[str, int]:
    """What the other firm has outside its engagements, by the names that addresses have for it."""
    firm, client, olga = world.elsewhere.firm, world.elsewhere.client, world.people["olga"]
    licence = Licence.objects.create(firm=firm, jurisdiction="Ohio", number="9")
    token, _ = a_token(olga)
    member = ClientMember.objects.create(organization=client, user=world.people["nemo"])
    return {
        "office": firm.offices.get().pk,
        "licence": licence.pk,
        "firm_member": FirmMember.objects.get(firm=firm, user=olga).pk,
        "organization": client.pk,
        "client_member": member.pk,
        "owen": olga.pk,
        "token": token.pk,
    }


def test_an_address_outside_engagements_with_the_id_of_another_firm(world: World) -> None:
    with undone():
        table = Table(world, Stage.REPORTING)
        others = elsewhere_of(world)
        tried = set()
        for row in TABLE.values():
            for method, need in (("GET", row.get), ("POST", row.post)):
                who = next(
                    (key for key in INSIDERS if need and may(key, need, row) and key not in row.hidden), None
                )
                if row.of_engagement or who is None or not row.args or row.args[0] not in others:
                    continue
                tried.add(row.args[0])
                answers = []
                values = (others[row.args[0]], NOBODYS)
                for value in values:
                    with undone():
                        url = table.url(row, table.ids | {row.args[0]: value})
                        answers.append(answer(world.ask(who, method, url, table.data(row)), *values))
                if answers[0] != answers[1] or answers[0][0] != 404:
                    table.note(who, method, row, f"of another: {answers[0][:2]}, of nobody: {answers[1][:2]}")
        assert tried == set(others)
    table.agrees()


def never(value: object) -> object:
    """An id of that kind that nobody has."""
    if isinstance(value, UUID):
        return UUID(int=NOBODYS)
    return NOBODYS if isinstance(value, int) else f"Q{str(value)[1:]}"


def foreign(field: forms.Field, world: World) -> list[Any]:
    """Ids of another tenant for a field that takes one; none when the field takes no object of a tenant."""
    if not isinstance(field, forms.ModelChoiceField) or field.queryset.model in SHARED:
        return []
    model = field.queryset.model
    if model is User:
        return [world.people["olga"].pk]
    if model is ServiceOrganization:
        return [world.elsewhere.client_id]
    if model is Office:
        return [world.elsewhere.firm.offices.get().pk]
    if model is Engagement:
        return [world.elsewhere.pk]
    other = model._default_manager.filter(engagement=world.other).first()
    assert other is not None, f"the other engagement has no {model.__name__}"
    return [other.pk]


@shares(12)
def test_a_form_with_the_id_of_another_tenant(apart: World, share: int) -> None:
    """Every name that a route reads of its body, with a field or by itself, and takes an id."""
    pairs: list[tuple[str, str]] = []
    wrong, unknown = [], []
    for stage in STAGES:
        for sending in each(apart, stage, share):
            who = next(iter(senders(sending.row)), None)
            if who is None:  # nobody of this world gets through
                continue
            with undone(), reading() as read:
                sending.send(who)
            for name in sorted(read.names | set(read.fields)):
                field = read.fields.get(name)
                values = foreign(field, apart) if field else []
                if not values and name in BY_HAND and not isinstance(field, forms.ModelChoiceField):
                    values = [apart.other_ids[BY_HAND[name]]]
                if not values:
                    if field is None and name not in WORDS and name not in BY_HAND:
                        unknown.append(f"{sending.row.name}: {name}")
                    continue
                pairs.append((sending.row.name, name))
                wrong += [
                    f"{who} {sending.row.name} {name}: {what}" for what in compared(sending, who, name, values[0])
                ]
    assert not unknown, "read by hand, and nobody said whether they carry ids:\n" + "\n".join(unknown)
    assert not wrong, "\n" + "\n".join(wrong)
    assert len(pairs) >= 48 / share, f"{len(pairs)} pairs"


def compared(sending: Sending, who: str, name: str, value: Any) -> Iterator[str]:
    answers = []
    values = (value, never(value))
    for one in values:
        with undone():
            answers.append(answer(sending.send(who, {name: one}, query=True), *values))
    if answers[0] != answers[1]:
        yield f"of another {answers[0][:2]} {answers[0][3:]}, of nobody {answers[1][:2]} {answers[1][3:]}"
