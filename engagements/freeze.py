"""What is issued never changes: triggers for every table that belongs to an engagement."""

from __future__ import annotations

import pgtrigger
from django.db import models

# KEY SHARE makes a writer wait for a concurrent issue() (which locks FOR UPDATE) and then see its outcome.
_REFUSE_WHEN_FROZEN = """
    IF TG_OP <> 'INSERT' THEN
        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;
        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN
            RETURN OLD;
        END IF;
        IF frozen IS NOT NULL THEN
            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id
                USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;
    IF frozen IS NOT NULL THEN
        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
"""


def frozen_with_engagement() -> pgtrigger.Trigger:
    """Refuses any write to a row whose engagement is frozen (domain 4.3, rule R57)."""
    return pgtrigger.Trigger(
        name="frozen_with_engagement",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        declare=[("frozen", "timestamptz")],
        func=_REFUSE_WHEN_FROZEN,
    )


def never_emptied() -> pgtrigger.Trigger:
    """TRUNCATE passes row triggers by: it is refused for a table of which anything is frozen."""
    return pgtrigger.Trigger(
        name="never_emptied",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func="""
            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN
                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NULL;
        """,
    )


# What belongs to a file goes when the file is purged (archive/purging.py), and only then. The function is made by
# config/isolation.py.
UNLESS_PURGED = "IF TG_OP = 'DELETE' AND attestry_purging({engagement}) THEN RETURN OLD; END IF;"
OF_ROW = "OLD.engagement_id"


def _refuses(
    name: str, operation: pgtrigger.Operation | pgtrigger.Operations, engagement: str
) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=operation,
        func=f"""
            {UNLESS_PURGED.format(engagement=engagement)}
            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;
        """,
    )


def append_only(name: str = "append_only", *, engagement: str = OF_ROW) -> pgtrigger.Trigger:
    """Rows of which nothing may be changed or taken away once they are written.

    `engagement` is the SQL that finds the row's engagement, where the row itself does not name it.
    """
    return _refuses(name, pgtrigger.Update | pgtrigger.Delete, engagement)


def never_deleted(name: str = "never_deleted") -> pgtrigger.Trigger:
    """Rows that change, but are not taken away."""
    return _refuses(name, pgtrigger.Delete, OF_ROW)


def stays(name: str, *fields: str) -> list[pgtrigger.Trigger]:
    """Once written the fields keep their values, and the row is never deleted; its other fields may change."""
    return [
        pgtrigger.Protect(name=name, operation=pgtrigger.Update, condition=pgtrigger.AnyChange(*fields)),
        never_deleted(f"{name}_never_deleted"),
    ]


class EngagementOwned(models.Model):
    """Base of every row that belongs to an engagement and freezes with it.

    Children name their engagement directly, however deep they hang: isolation and freezing are then one rule.
    Subclasses declare `class Meta(EngagementOwned.Meta)`.
    """

    engagement = models.ForeignKey("engagements.Engagement", on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True
        triggers = [frozen_with_engagement(), never_emptied()]
