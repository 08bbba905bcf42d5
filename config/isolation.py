"""Row-level security: PostgreSQL itself keeps the engagements apart, as a second line behind the queries.

The tables belong to the owner's role, which migrates; the application connects as a role that owns nothing and
cannot pass the policies by. They ask for whom the transaction runs (config/postgresql.py): without an answer there
are no rows. The statements follow from the models, so that no table can be forgotten, and may run again and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import ForeignKey, Model

from audit.models import Chain, Event
from config.embedded.paths import AUDIT
from distribution.models import Acceptance, AccessEvent, Grant, NonDisclosureAgreement
from engagements.models import Engagement
from reports.models import Issuance

# A reader has no account: these rows of the engagement are all that reading its report needs.
READERS_TABLES: tuple[type[Model], ...] = (
    *(Engagement, Issuance, Grant, NonDisclosureAgreement, AccessEvent, Acceptance, Event),
)

FUNCTIONS = """
CREATE OR REPLACE FUNCTION attestry_person() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT substring(current_setting('app.person', true) FROM '^([0-9]+)(?:@[0-9]+)?$')::bigint
$$;
-- The one engagement to which a token narrows its person; NULL without such a token.
CREATE OR REPLACE FUNCTION attestry_only() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT substring(current_setting('app.person', true) FROM '^[0-9]+@([0-9]+)$')::bigint
$$;
CREATE OR REPLACE FUNCTION attestry_everybody() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT COALESCE(current_setting('app.person', true) = '*', false)
$$;
-- Of a member; and of whoever opens an engagement, until it has its first member.
CREATE OR REPLACE FUNCTION attestry_engagements() RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT ARRAY(
        SELECT engagement_id FROM engagements_engagementmember WHERE user_id = attestry_person()
        AND engagement_id = COALESCE(attestry_only(), engagement_id)
        UNION ALL
        SELECT id FROM engagements_engagement AS opened WHERE created_by_id = attestry_person()
        AND attestry_only() IS NULL
        AND NOT EXISTS (SELECT FROM engagements_engagementmember WHERE engagement_id = opened.id)
    )
$$;
CREATE OR REPLACE FUNCTION attestry_read_engagements() RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT ARRAY(
        SELECT unnest(attestry_engagements())
        UNION ALL
        SELECT engagement_id FROM distribution_grant
        WHERE 'grant:' || id = current_setting('app.person', true)
    )
$$;
CREATE OR REPLACE FUNCTION attestry_administered() RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT ARRAY(
        SELECT firm_id FROM accounts_firmmember
        WHERE user_id = attestry_person() AND is_admin AND attestry_only() IS NULL
    )
$$;
-- What the triggers ask that keep a closed file closed: may its rows go, may it open again?
CREATE OR REPLACE FUNCTION attestry_purging(engagement bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM archive_purge WHERE engagement_id = engagement AND state = 'approved')
$$;
CREATE OR REPLACE FUNCTION attestry_reissuing(engagement bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM reports_discoveredfact
        WHERE engagement_id = engagement AND closed_at IS NULL AND decision IN ('reissue', 'withdraw_reissue')
    )
$$;
CREATE OR REPLACE FUNCTION attestry_has_members(engagement bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM engagements_engagementmember WHERE engagement_id = engagement)
$$;
"""

# Triggers that refuse fire also where somebody says `session_replication_role = replica`. Those that make
# the trail's hashes do not: a logical replica takes them as they are. A restore makes triggers after the rows.
ALWAYS = """
    DO $$ DECLARE found record; BEGIN
        FOR found IN
            SELECT tgrelid::regclass AS place, tgname FROM pg_trigger
            JOIN pg_proc ON pg_proc.oid = tgfoid JOIN pg_class ON pg_class.oid = tgrelid
            WHERE NOT tgisinternal AND relnamespace = 'public'::regnamespace AND tgenabled <> 'A'
            AND prosrc ~* 'RAISE EXCEPTION' AND tgname !~ 'only_by_event'
        LOOP
            EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', found.place, found.tgname);
        END LOOP;
    END $$"""


# django-pgtrigger lets any session name triggers to be passed by (`SET pgtrigger.ignore`), and so whoever has the
# application's role: freezing, append-only rows and the trail's hashes would be a matter of good manners. Here
# nobody names any. It comes back with each migration that makes a trigger, and goes again after it.
NEVER_IGNORED = """
    CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name name) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS 'SELECT false'"""

# A trigger that looks something up finds our table, not a temporary one of the same name that somebody has made.
OUR_TABLES = """
    DO $$ DECLARE function regprocedure; BEGIN
        FOR function IN
            SELECT oid::regprocedure FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype
            AND NOT coalesce(proconfig @> ARRAY['search_path=public, pg_temp'], false)
        LOOP
            EXECUTE format('ALTER FUNCTION %s SET search_path = public, pg_temp', function);
        END LOOP;
    END $$"""


def key_of(model: type[Model]) -> str | None:
    """The column that says to which engagement a row belongs; None for tables that belong to none."""
    if model is Engagement:
        return "id"
    if model is Event:
        return "engagement_id"
    fields = [field for field in model._meta.local_fields if isinstance(field, ForeignKey)]
    return next((field.column for field in fields if field.related_model is Engagement), None)


def protected() -> dict[type[Model], str]:
    """Every table under row-level security with the condition for its rows, both to be seen and to be written."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        key = key_of(model)
        if key is not None:
            found[model] = _condition(model, key)
            continue
        for parent in owned_parents(model):
            # It sees its parent's row under the parent's own policy.
            table = parent.related_model._meta.db_table
            found[model] = f"EXISTS (SELECT FROM {table} WHERE id = {parent.column})"
            break
    return found


def _condition(model: type[Model], key: str) -> str:
    mine = "attestry_read_engagements()" if model in READERS_TABLES else "attestry_engagements()"
    condition = f"(SELECT attestry_everybody()) OR {key} = ANY ((SELECT {mine})::bigint[])"
    if model is Engagement:
        condition += (
            " OR (created_by_id = (SELECT attestry_person()) AND (SELECT attestry_only()) IS NULL"
            " AND NOT attestry_has_members(id))"
        )
    if model is Event:
        condition += (
            " OR (engagement_id IS NULL AND actor_id = (SELECT attestry_person()))"
            " OR firm_id = ANY ((SELECT attestry_administered())::bigint[])"
        )
    return condition


def owned_parents(model: type[Model]) -> list[Any]:
    """Its foreign keys to rows that belong to an engagement."""
    return [
        field
        for field in model._meta.local_fields
        if isinstance(field, ForeignKey)
        and isinstance(field.related_model, type)
        and field.related_model is not Engagement
        and key_of(field.related_model) is not None
    ]


def statements(role: str) -> Iterator[str]:
    """All of it as SQL, in order, for the owner's role; `role` is the application's."""
    yield FUNCTIONS
    for model, condition in protected().items():
        table = model._meta.db_table
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"DROP POLICY IF EXISTS own_engagements ON {table}"
        yield f"CREATE POLICY own_engagements ON {table} USING ({condition}) WITH CHECK ({condition})"
    yield from _same_engagement()
    yield ALWAYS
    yield NEVER_IGNORED
    yield OUR_TABLES
    yield f"GRANT USAGE ON SCHEMA public TO {role}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}"
    yield f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}"
    yield from _trail(role)


def _same_engagement() -> Iterator[str]:
    """A row points only at rows of its own engagement: a second foreign key for each, over both columns."""
    wanted: set[str] = set()
    references = []
    for model in protected():
        key = key_of(model)
        for field in owned_parents(model) if key else []:
            parent = field.related_model
            if parent is Event or model is Event:
                continue
            wanted.add(parent._meta.db_table)
            references.append((model._meta.db_table, key, field.column, parent._meta.db_table, key_of(parent)))
    for table in sorted(wanted):
        name = f"{table}_of_engagement"
        yield _unless(name, f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE (engagement_id, id)")
    for table, key, column, parent_table, parent_key in references:
        name = f"{table}_{column}_same"[:63]
        yield _unless(
            name,
            f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({key}, {column})"
            f" REFERENCES {parent_table} ({parent_key}, id) DEFERRABLE INITIALLY DEFERRED",
        )


def _unless(constraint: str, statement: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = '{constraint}')"
        f" THEN {statement}; END IF; END $$"
    )


def _trail(role: str) -> Iterator[str]:
    """The trail's tables and triggers are a third role's: the application adds events, and that is all."""
    chain, event = Chain._meta.db_table, Event._meta.db_table
    yield f"REVOKE INSERT, UPDATE, DELETE ON {chain} FROM {role}"
    yield f"REVOKE UPDATE, DELETE ON {event} FROM {role}"
    yield f"GRANT CREATE ON SCHEMA public TO {AUDIT}"
    yield f"""
        DO $$ DECLARE function regprocedure; BEGIN
            FOR function IN
                SELECT DISTINCT tgfoid::regprocedure FROM pg_trigger
                WHERE tgrelid IN ('{chain}'::regclass, '{event}'::regclass) AND NOT tgisinternal
            LOOP
                EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = public, pg_temp', function);
                EXECUTE format('ALTER FUNCTION %s OWNER TO {AUDIT}', function);
            END LOOP;
        END $$"""  # noqa: S608
    for table in (chain, event):
        yield f"ALTER TABLE {table} OWNER TO {AUDIT}"


def apply(connection: BaseDatabaseWrapper, role: str) -> None:
    """Bring the database's roles, policies and keys to what the models ask for. Connected as the owner."""
    with connection.cursor() as cursor:
        for statement in statements(role):
            cursor.execute(statement)
