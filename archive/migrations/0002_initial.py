import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import audit.migrating


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "__first__"),
        ("archive", "0001_initial"),
        ("engagements", "0001_initial"),
        ("jobs", "0001_initial"),
    ]

    operations = [
        audit.migrating.AtOnce(
            operations=[
                migrations.AddField(
                    model_name="addendum",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="addenda",
                        to="engagements.engagement",
                    ),
                ),
                migrations.AddField(
                    model_name="addendumfile",
                    name="addendum",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="files", to="archive.addendum"
                    ),
                ),
                migrations.AddField(
                    model_name="addendumfile",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="engagements.engagement"
                    ),
                ),
                migrations.AddField(
                    model_name="addendumreview",
                    name="addendum",
                    field=models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="review", to="archive.addendum"
                    ),
                ),
                migrations.AddField(
                    model_name="addendumreview",
                    name="by",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                migrations.AddField(
                    model_name="addendumreview",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="engagements.engagement"
                    ),
                ),
                migrations.AddField(
                    model_name="closingreminder",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="closing_reminders",
                        to="engagements.engagement",
                    ),
                ),
                migrations.AddField(
                    model_name="filelock",
                    name="asked_by",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                migrations.AddField(
                    model_name="filelock",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="file_locks",
                        to="engagements.engagement",
                    ),
                ),
                migrations.AddField(
                    model_name="filelock",
                    name="job",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="jobs.job",
                    ),
                ),
                migrations.AddField(
                    model_name="legalhold",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="legal_holds",
                        to="engagements.engagement",
                    ),
                ),
                migrations.AddField(
                    model_name="legalhold",
                    name="lifted_by",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AddField(
                    model_name="legalhold",
                    name="placed_by",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                migrations.AddField(
                    model_name="pack",
                    name="asked_by",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                migrations.AddField(
                    model_name="pack",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="packs",
                        to="engagements.engagement",
                    ),
                ),
                migrations.AddField(
                    model_name="pack",
                    name="job",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="jobs.job",
                    ),
                ),
                migrations.AddField(
                    model_name="purge",
                    name="approved_by",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AddField(
                    model_name="purge",
                    name="asked_by",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                migrations.AddField(
                    model_name="purge",
                    name="cancelled_by",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AddField(
                    model_name="purge",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="purges",
                        to="engagements.engagement",
                    ),
                ),
                migrations.AddField(
                    model_name="purge",
                    name="job",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="jobs.job",
                    ),
                ),
                migrations.AddField(
                    model_name="purgecertificate",
                    name="engagement",
                    field=models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="purge_certificate",
                        to="engagements.engagement",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="addendum",
                    constraint=models.UniqueConstraint(
                        fields=("engagement", "number"), name="addendum_number_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="closingreminder",
                    constraint=models.UniqueConstraint(
                        fields=("engagement", "released_on", "mark"), name="closing_reminded_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="filelock",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("state", "failed"), _negated=True),
                        fields=("engagement",),
                        name="file_locked_once",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="filelock",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "locked"), _negated=True),
                            models.Q(
                                models.Q(("root", ""), _negated=True),
                                ("leaves__gt", 0),
                                ("locked_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="file_lock_has_root",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="legalhold",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("lifted_at__isnull", True),
                            models.Q(("lifted_by__isnull", False), models.Q(("lift_reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="legal_hold_lifted_with_reason",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="pack",
                    constraint=models.UniqueConstraint(fields=("engagement", "number"), name="pack_number_once"),
                ),
                migrations.AddConstraint(
                    model_name="pack",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("state", "making")), fields=("engagement",), name="pack_one_in_making"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="purge",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("state", "cancelled"), _negated=True),
                        fields=("engagement",),
                        name="purge_one_at_a_time",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="purge",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["approved", "done"]), _negated=True),
                            models.Q(
                                ("approved_at__isnull", False),
                                ("approved_by__isnull", False),
                                models.Q(("approved_by", models.F("asked_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="purge_takes_two",
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="addendum",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="15b22e2a9da776bc825aaf816d88ae01374f92e4",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_7f28d",
                            table="archive_addendum",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="addendum",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
                            hash="0c1d2537f1ce1663e672122846760332b8499ad0",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_903f5",
                            table="archive_addendum",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="addendumfile",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="63305dd2861f7029f30b70e72cd9659ecce41e39",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_ffb1f",
                            table="archive_addendumfile",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="addendumfile",
                    trigger=pgtrigger.compiler.Trigger(
                        name="with_its_addendum",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n                    IF (SELECT count(*) FROM archive_addendumfile WHERE addendum_id = NEW.addendum_id)\n                        >= (SELECT file_count FROM archive_addendum WHERE id = NEW.addendum_id) THEN\n                        RAISE EXCEPTION 'An addendum has the files with which it was added'\n                            USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    RETURN NEW;\n                ",
                            hash="bebb4014799ca1c4924d6ab9860e2790229c4220",
                            operation="INSERT",
                            pgid="pgtrigger_with_its_addendum_b9d0b",
                            table="archive_addendumfile",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="addendumfile",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
                            hash="a05bbf6c7a3da4e82dc13ea9cb6e302cb318a589",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_8e4b6",
                            table="archive_addendumfile",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="addendumreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="db533b6707db00c0d37aa68897b1e4fd817fde09",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_2f7ed",
                            table="archive_addendumreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="addendumreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="by_another",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n                    IF EXISTS (SELECT FROM archive_addendum WHERE id = NEW.addendum_id AND by_id = NEW.by_id) THEN\n                        RAISE EXCEPTION 'Nobody reviews an addendum of their own'\n                            USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    RETURN NEW;\n                ",
                            hash="9e056c2c571a851de33d0d676c3a5187843e5819",
                            operation="INSERT",
                            pgid="pgtrigger_by_another_d45f9",
                            table="archive_addendumreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="addendumreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
                            hash="82db4c0c2ec5048e76027a1f398bb9af47a7f2a0",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_cc77c",
                            table="archive_addendumreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="closingreminder",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="1a4a8b1fac174e291adfb872c33d5092fa0fa7c8",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_552e4",
                            table="archive_closingreminder",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="filelock",
                    trigger=pgtrigger.compiler.Trigger(
                        name="lock_machine",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{assembling:locked,assembling:failed}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="eeb7ab16ea6f4880510ea3f5f66c292ab1a46eee",
                            operation="UPDATE",
                            pgid="pgtrigger_lock_machine_380fc",
                            table="archive_filelock",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="filelock",
                    trigger=pgtrigger.compiler.Trigger(
                        name="locked_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n                    IF TG_OP = 'UPDATE' AND OLD.state <> 'assembling' THEN\n                        RAISE EXCEPTION 'The lock of a file never changes' USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    IF TG_OP = 'INSERT' AND NEW.state <> 'assembling' THEN\n                        RAISE EXCEPTION 'A file is locked by its worker' USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    -- A day's grace for the firm's time zone.\n                    IF NEW.released_on < (SELECT COALESCE(\n                        (SELECT max(released_at) FROM reports_issuance WHERE engagement_id = NEW.engagement_id),\n                        (SELECT ended_at FROM engagements_engagement WHERE id = NEW.engagement_id),\n                        clock_timestamp()) AT TIME ZONE 'UTC')::date - 1 THEN\n                        RAISE EXCEPTION 'The years count from the release' USING ERRCODE = 'check_violation';\n                    END IF;\n                    IF NEW.retain_until < (NEW.released_on + make_interval(years => NEW.retention_years))::date THEN\n                        RAISE EXCEPTION 'The file is kept for % years at least', NEW.retention_years\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NEW;\n                ",
                            hash="985c7bcd30a66e1b69da092bb03256b12f0c9880",
                            operation="INSERT OR UPDATE",
                            pgid="pgtrigger_locked_stays_c7a64",
                            table="archive_filelock",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="filelock",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_gone",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="39038d07dfd56e08e0c0b9704fd5a55b6e4c39e7",
                            operation="DELETE",
                            pgid="pgtrigger_never_gone_0ae16",
                            table="archive_filelock",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="filelock",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
                            hash="fb22874f4fed40b21d9ab855ea5f6763ecb1dce7",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_b63d4",
                            table="archive_filelock",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="legalhold",
                    trigger=pgtrigger.compiler.Trigger(
                        name="placed_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."engagement_id" IS DISTINCT FROM (NEW."engagement_id") OR OLD."placed_at" IS DISTINCT FROM (NEW."placed_at") OR OLD."placed_by_id" IS DISTINCT FROM (NEW."placed_by_id") OR OLD."reason" IS DISTINCT FROM (NEW."reason"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="cd9b5238d5bba422469846423c92ca4de5172ff0",
                            operation="UPDATE",
                            pgid="pgtrigger_placed_stays_5cf62",
                            table="archive_legalhold",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="legalhold",
                    trigger=pgtrigger.compiler.Trigger(
                        name="lifted_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."lifted_at" IS NOT NULL)',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="4c4b494fb5e14fd3e75ceaea92efd41d6229e1c9",
                            operation="UPDATE",
                            pgid="pgtrigger_lifted_stays_cdabc",
                            table="archive_legalhold",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="legalhold",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_gone",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="70c52165202129d63eb3f42145223f4a0e920d0d",
                            operation="DELETE",
                            pgid="pgtrigger_never_gone_2addf",
                            table="archive_legalhold",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="legalhold",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
                            hash="9830cb4732326b37b1313614f78ae5f89e0d6fd2",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_4ee81",
                            table="archive_legalhold",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="pack",
                    trigger=pgtrigger.compiler.Trigger(
                        name="asked_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."asked_at" IS DISTINCT FROM (NEW."asked_at") OR OLD."asked_by_id" IS DISTINCT FROM (NEW."asked_by_id") OR OLD."engagement_id" IS DISTINCT FROM (NEW."engagement_id") OR OLD."number" IS DISTINCT FROM (NEW."number"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="4793021ddd4e9479fb58f092f49493aa1664c2d4",
                            operation="UPDATE",
                            pgid="pgtrigger_asked_stays_5c71d",
                            table="archive_pack",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="pack",
                    trigger=pgtrigger.compiler.Trigger(
                        name="asked_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="3b359f7ef0ace5d0be4323a837cec892816ab4f1",
                            operation="DELETE",
                            pgid="pgtrigger_asked_stays_never_deleted_878f7",
                            table="archive_pack",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="purge",
                    trigger=pgtrigger.compiler.Trigger(
                        name="purge_machine",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{asked:approved,asked:cancelled,approved:done,approved:cancelled}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="f91d318d85bb35741f9e9c0fc7ec8c1dedfca38b",
                            operation="UPDATE",
                            pgid="pgtrigger_purge_machine_0fe71",
                            table="archive_purge",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="purge",
                    trigger=pgtrigger.compiler.Trigger(
                        name="only_in_time",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n                    IF TG_OP = 'INSERT' AND NEW.state <> 'asked' THEN\n                        RAISE EXCEPTION 'A purge begins with the first person' USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    IF TG_OP = 'UPDATE' AND (NEW.engagement_id <> OLD.engagement_id\n                        OR NEW.asked_by_id <> OLD.asked_by_id OR NEW.reason <> OLD.reason) THEN\n                        RAISE EXCEPTION 'Who asked, and why, stays' USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    IF TG_OP = 'UPDATE' AND OLD.state <> 'asked' AND NEW.approved_by_id <> OLD.approved_by_id THEN\n                        RAISE EXCEPTION 'Who approved stays' USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    IF TG_OP = 'UPDATE' AND OLD.state = 'approved' AND NEW.state = 'cancelled'\n                        AND OLD.destroyed <> '{}'::jsonb THEN\n                        RAISE EXCEPTION 'The rows are gone: it is brought to its end'\n                            USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    IF NEW.state IN ('asked', 'approved') AND NOT EXISTS (\n                        SELECT FROM archive_filelock WHERE engagement_id = NEW.engagement_id AND state = 'locked'\n                        AND retain_until < (clock_timestamp() AT TIME ZONE 'UTC')::date) THEN\n                        RAISE EXCEPTION 'The file is to be kept' USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    IF NEW.state IN ('asked', 'approved') AND EXISTS (\n                        SELECT FROM archive_legalhold\n                        WHERE engagement_id = NEW.engagement_id AND lifted_at IS NULL) THEN\n                        RAISE EXCEPTION 'The file is under legal hold' USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    RETURN NEW;\n                ",
                            hash="4813c144245f36d5977a04d04c6bbf79c7d1afa0",
                            operation="INSERT OR UPDATE",
                            pgid="pgtrigger_only_in_time_5dd94",
                            table="archive_purge",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="purge",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_gone",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="53eb8c22b89f4a2524fdce8d3f259e8ee4a0cb81",
                            operation="DELETE",
                            pgid="pgtrigger_never_gone_4b8af",
                            table="archive_purge",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="purge",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
                            hash="14855fdb59484245a201baecf0088a964cf43c99",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_08bd9",
                            table="archive_purge",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="purgecertificate",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_changed",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="ec8f19c9fec02a53f6ba80c24d870933892d1a6b",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_never_changed_769b3",
                            table="archive_purgecertificate",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="purgecertificate",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
                            hash="1370766407e0b23c084562707062457a51bc3156",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_97a7b",
                            table="archive_purgecertificate",
                            when="BEFORE",
                        ),
                    ),
                ),
            ],
        ),
    ]
