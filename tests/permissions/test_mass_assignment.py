"""What nobody asked for is not taken: every column of every model, sent along to every route by everybody who may.

What is sent along can be told from everything else in the database: a word, a number and a day that stand
nowhere, so that a row that holds one of them afterwards has it from there. (OWASP ASVS 5.0, 15.3.3)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, models

from tests.permissions.bodies import STAGES, Sending, at, each, reading, senders
from tests.permissions.world import EVERYBODY, World, not_drawn, swift, undone

pytestmark = pytest.mark.django_db

WORD, NUMBER, DAY = "sentalong", 918273645, "1937-05-17"
# What the routes' own forms ask for besides the body that they are sent: theirs to change.
OWN: dict[str, str] = {
    "accounts:firm": "peer_review_on",
    "accounts:firm_member": "may_accept",
    "accounts:firm_policies": "section_four two_to_issue",
    "accounts:firm_policy": "demands_second_factor",
    "accounts:firm_single_sign_on": "client_id demanded vouches_for_addresses",
    "accounts:licence_new": "expires_on",
    "accounts:organization": "demands_second_factor",
    "accounts:organization_single_sign_on": "client_id demanded vouches_for_addresses",
    "api:files": "replaces speaks_from speaks_to",
    "distribution:invite": "purpose",
    "engagements:control_add": "owner typical_evidence typical_test",
    "engagements:open": "as_of client prior_period_end report_due",
    "engagements:override": "rule step subject",
    "engagements:register_add": "description reason",
    "engagements:register_edit": "description reason",
    "engagements:settings": "as_of office prior_period_end report_due section_four",
    "engagements:team_invite": "title",
    "engagements:threat": "ends_on",
    "engagements:threat_add": "ends_on",
    "engagements:token_new": "engagement may_read may_upload networks",
    "evidence:accept_population": "difference_explained observed",
    "evidence:act_on_requests": "assigned_to due priority reason reviewer",
    "evidence:begin_reconciliation": "encoding pattern sheet",
    "evidence:choose_listing": "continues received replaces request sheet",
    "evidence:comment": "internal",
    "evidence:edit_request": "assigned_to covers_from covers_to detail reviewer",
    "evidence:explain_differences": "evidence kind",
    "evidence:file_policy": "hold_unscanned",
    "evidence:import_requests": "due",
    "evidence:mail": "daily time_zone urgent",
    "evidence:make_from_list": "assigned_to",
    "evidence:make_request": "assigned_to control covers_from covers_to detail reviewer",
    "evidence:make_requests": "assigned_to",
    "evidence:match_reconciliation": "alike each_once one_way",
    "evidence:obtain": "replaces speaks_from speaks_to",
    "evidence:provide_population": (
        "date_order difference_explained encoding environment observed reconciled_row_count reconciliation "
        "replaces sheet"
    ),
    "evidence:prove_population": "received",
    "evidence:upload": "replaces speaks_from speaks_to",
    "fieldwork:cite": "note",
    "fieldwork:draw": "expected_deviations method size smaller_reason",
    "fieldwork:edit_test": "inquired_of",
    "fieldwork:evaluate": "commitments compensating_control markers",
    "fieldwork:fill": "place",
    "fieldwork:plan": "assigned_to inquired_of sample",
    "fieldwork:add_procedure": "corroborated_by place",
    "fieldwork:import_programmes": "file name",
    "fieldwork:record": "window whole",
    "reports:add_matter": "pervasive",
    "reports:client_review": "note",
    "reports:comment": "internal",
    "reports:draft_letter": "further",
    "reports:sign_statement": "modifications preview",
    "reports:write_wording": "report_type",
}
# Not a list by hand: one app was missing in it, and what it protects was never sent.
OURS = {app.label for app in apps.get_app_configs() if Path(app.path).parent == settings.BASE_DIR}


def tables() -> list[type[models.Model]]:
    return [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]


def protected() -> dict[str, Any]:
    """Every column of our models by each of its names, with a value of its kind."""
    found: dict[str, Any] = {}
    for model in tables():
        if model._meta.app_label in OURS:
            for field in model._meta.concrete_fields:
                found[field.name] = found[field.attname] = _value(field)
    return found


def _value(field: Any) -> Any:
    if field.remote_field is not None:
        field = field.target_field
    if isinstance(field, models.BooleanField):
        return "on"
    if isinstance(field, models.DateTimeField):
        return f"{DAY}T08:00"
    if isinstance(field, models.DateField):
        return DAY
    if isinstance(field, models.IntegerField):
        return NUMBER
    return WORD


def written() -> dict[str, int]:
    """How often rows were written to each table so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables")
        return dict(cursor.fetchall())


def traces(wanted: set[str]) -> dict[str, int]:
    """How many rows of these tables hold something that was sent along; how many say yes, by column."""
    parts = []
    for model in tables():
        table = model._meta.db_table
        if table not in wanted:
            continue
        parts.append(
            f"SELECT '{table}', count(*) FROM {table} t WHERE t::text ~ '{WORD}|{NUMBER}|{DAY}'"  # noqa: S608
        )
        parts += [
            f"SELECT '{table}.{field.column}', count(*) FROM {table} t WHERE t.\"{field.column}\""  # noqa: S608
            for field in model._meta.concrete_fields
            if isinstance(field, models.BooleanField)
        ]
    if not parts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return dict(cursor.fetchall())


PROTECTED = protected()


@pytest.fixture(autouse=True)
def quickly() -> Iterator[None]:
    with swift() as drawn:
        drawn["pages"] = not_drawn
        yield


def test_the_columns_are_all_there() -> None:
    assert len(PROTECTED) >= 300
    assert {"is_staff", "frozen_at", "created_at", "signed_at", "hash", "state", "engagement_id"} <= set(PROTECTED)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("share", "people"), [(12, 1), pytest.param(1, len(EVERYBODY), marks=pytest.mark.drill)])
def test_what_is_sent_along_changes_nothing(world: World, stage: str, share: int, people: int) -> None:
    """To every twelfth route by one of those who may; to all by each of them in `make drill`."""
    wrong = []
    asked = 0
    for sending in each(world, stage, share):
        name = sending.row.name
        for who in senders(sending.row)[:people]:
            asked += 1
            wrong += [f"{who} {name}: {what}" for what in sent_along(sending, who)]
    assert not wrong, "\n" + "\n".join(wrong)
    assert asked == sum(len(senders(row)[:people]) for row in at(stage)[::share])


def sent_along(sending: Sending, who: str) -> Iterator[str]:
    with undone():
        with reading() as read:
            plain, touched = sent(sending, who)
        usual = traces(touched)
    body = sending.body()
    own = OWN.get(sending.row.name, "").split()
    extra = {name: value for name, value in PROTECTED.items() if name not in body and name not in own}
    with undone():
        answer, also = sent(sending, who, extra)
        found = traces(touched | also)
    # What the first left alone is as it was before.
    usual |= traces(also - touched)
    if answer != plain:
        yield f"{answer} instead of {plain}; reads {sorted(read.names & set(extra))}"
    changed = [f"{place} {usual[place]} -> {found[place]}" for place in found if found[place] != usual[place]]
    if changed:
        yield f"changed {changed}; reads {sorted(read.names & set(extra))}"


def sent(sending: Sending, who: str, extra: dict[str, Any] | None = None) -> tuple[int, set[str]]:
    """The answer, and the tables to which something was written."""
    before = written()
    answer = sending.send(who, extra).status_code
    return answer, {table for table, times in written().items() if times != before.get(table, 0)}
