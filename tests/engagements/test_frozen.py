"""Once the engagement is frozen, no row that belongs to it can be written: by the ORM or by SQL (R57, R59)."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection, models, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from controls.models import Category
from engagements.freeze import EngagementOwned
from engagements.models import Component, Control, Engagement, Stage
from tests import factories as f
from tests.database import as_owner
from tests.engagements.makers import scoped

pytestmark = pytest.mark.django_db

OWNED = [model for model in apps.get_models() if issubclass(model, EngagementOwned)]


def frozen() -> Engagement:
    engagement = f.at_stage(scoped(3), Stage.REPORTING)
    Engagement.objects.filter(pk=engagement.pk).update(frozen_at=timezone.now())
    return engagement


def test_there_are_many_of_them() -> None:
    assert len(OWNED) >= 30


def test_the_trigger_stands_on_every_table() -> None:
    """And fires always: also where `session_replication_role` switches ordinary triggers off."""
    for model in OWNED:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal",
                [model._meta.db_table],
            )
            triggers = dict(cursor.fetchall())
        names = [name for name in triggers if name.startswith("pgtrigger_frozen_with_engagement")]
        assert [triggers[name] for name in names] == ["A"], model._meta.label


def test_no_row_comes_in_anywhere() -> None:
    """A row of nothing but its engagement: the trigger refuses before any other constraint is looked at."""
    engagement = frozen()
    for model in OWNED:
        sql = f'INSERT INTO "{model._meta.db_table}" (engagement_id) VALUES (%s)'  # noqa: S608
        with pytest.raises(DatabaseError, match="frozen"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, [engagement.pk])


FILLED = [
    model
    for model in OWNED
    if model._meta.label
    in {
        "engagements.Control",
        "engagements.ControlCriterion",
        "engagements.Component",
        "engagements.Commitment",
        "engagements.SubserviceOrganization",
        "engagements.MonitoringControl",
        "engagements.ComplementaryControl",
        "engagements.ComplementaryCriterion",
        "engagements.Incident",
        "engagements.SystemChange",
    }
]


def test_no_row_changes_or_goes() -> None:
    engagement, other = frozen(), f.accepted(system_name="Payroll")
    for model in FILLED:
        _refuses_all_writes(model, engagement, other)


def _refuses_all_writes(model: type[EngagementOwned], engagement: Engagement, other: Engagement) -> None:
    rows = model.objects.filter(engagement=engagement)  # type: ignore[attr-defined]
    row = rows.first()
    assert row is not None, model._meta.label
    table = model._meta.db_table
    for sql, values in (
        (f'UPDATE "{table}" SET engagement_id = engagement_id WHERE id = %s', [row.pk]),  # noqa: S608
        # Not even by giving the row to an engagement that is open.
        (f'UPDATE "{table}" SET engagement_id = %s WHERE id = %s', [other.pk, row.pk]),  # noqa: S608
        (f'DELETE FROM "{table}" WHERE id = %s', [row.pk]),  # noqa: S608
    ):
        with pytest.raises(DatabaseError, match="frozen"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, values)
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        row.save()
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        rows.all()._raw_delete(using="default")
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.bulk_create([model(**{**_values(row), "engagement": engagement})])


def _values(row: models.Model) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if field.name != "id"}


def test_no_row_moves_into_a_frozen_engagement() -> None:
    engagement, other = frozen(), scoped(1, system_name="Payroll")
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        Component.objects.filter(engagement=other).update(engagement=engagement)


def test_the_engagement_itself_only_moves_on() -> None:
    engagement = frozen()
    mine = Engagement.objects.filter(pk=engagement.pk)
    for change in (
        {"system_name": "Other"},
        {"categories": [Category.SECURITY]},
        {"report_date": None, "number": "X"},
    ):
        with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
            mine.update(**change)
    mine.update(stage=Stage.ISSUED)
    with pytest.raises(DatabaseError, match="issued"), transaction.atomic():
        mine.update(frozen_at=None)
    mine.update(stage=Stage.LOCKED)
    with pytest.raises(DatabaseError), transaction.atomic():
        mine.delete()


def test_other_engagements_go_on() -> None:
    frozen()
    other = scoped(1, system_name="Payroll")
    assert Control.objects.filter(engagement=other).update(title="New") == 1


def test_no_table_is_emptied() -> None:
    """TRUNCATE asks no row trigger: it has one of its own."""
    frozen()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for model in [*OWNED, Engagement]:
        sql = f'TRUNCATE "{model._meta.db_table}" CASCADE'
        refused = pytest.raises(DatabaseError, match="permission denied")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
        with pytest.raises(DatabaseError, match="never emptied"), transaction.atomic():
            as_owner(sql)
