import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import audit.migrating


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "__first__"),
    ]

    operations = [
        audit.migrating.AtOnce(
            operations=[
                migrations.CreateModel(
                    name="Chain",
                    fields=[
                        ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                        ("seq", models.BigIntegerField(default=0)),
                        ("head", models.CharField(default="", max_length=64)),
                    ],
                ),
                migrations.CreateModel(
                    name="Event",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("seq", models.BigIntegerField(default=0)),
                        ("at", models.DateTimeField()),
                        ("actor_name", models.CharField(max_length=200)),
                        ("engagement_id", models.BigIntegerField(db_index=True, null=True)),
                        ("firm_id", models.BigIntegerField(null=True)),
                        ("action", models.CharField(max_length=64)),
                        (
                            "audience",
                            models.CharField(
                                choices=[("all", "Firm and client"), ("firm", "Firm only")],
                                default="all",
                                max_length=8,
                            ),
                        ),
                        ("target", models.CharField(blank=True, max_length=120)),
                        ("target_label", models.CharField(blank=True, max_length=300)),
                        ("detail", models.JSONField(default=dict)),
                        ("ip", models.GenericIPAddressField(null=True)),
                        ("previous", models.CharField(default="", max_length=64)),
                        ("hash", models.CharField(default="", max_length=64)),
                        (
                            "actor",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "chain",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="events", to="audit.chain"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                        "indexes": [
                            models.Index(fields=["engagement_id", "-id"], name="event_by_engagement"),
                            models.Index(fields=["firm_id", "-id"], name="event_by_firm"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("chain", "seq"), name="event_once_in_chain"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        (
                                            "chain",
                                            django.db.models.functions.text.Concat(
                                                models.Value("engagement:"),
                                                django.db.models.functions.comparison.Cast(
                                                    "engagement_id", models.CharField()
                                                ),
                                            ),
                                        ),
                                        ("engagement_id__isnull", False),
                                    ),
                                    models.Q(
                                        (
                                            "chain",
                                            django.db.models.functions.text.Concat(
                                                models.Value("firm:"),
                                                django.db.models.functions.comparison.Cast(
                                                    "firm_id", models.CharField()
                                                ),
                                            ),
                                        ),
                                        ("engagement_id__isnull", True),
                                        ("firm_id__isnull", False),
                                    ),
                                    models.Q(
                                        ("chain", "installation"),
                                        ("engagement_id__isnull", True),
                                        ("firm_id__isnull", True),
                                    ),
                                    _connector="OR",
                                ),
                                name="event_in_its_chain",
                            ),
                        ],
                    },
                ),
            ],
        ),
        audit.migrating.AtOnce(
            operations=[
                pgtrigger.migrations.AddTrigger(
                    model_name="chain",
                    trigger=pgtrigger.compiler.Trigger(
                        name="no_delete",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="550df50853fa1a8cc034f5ae33516d62a8617413",
                            operation="DELETE",
                            pgid="pgtrigger_no_delete_9ec3e",
                            table="audit_chain",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="chain",
                    trigger=pgtrigger.compiler.Trigger(
                        name="only_by_event",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition="WHEN (pg_trigger_depth() < 1)",
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="b48e8d4080772a97c82fb17c8c5a2caa7efc8e29",
                            operation="UPDATE",
                            pgid="pgtrigger_only_by_event_4cc10",
                            table="audit_chain",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="chain",
                    trigger=pgtrigger.compiler.Trigger(
                        name="starts_empty",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="NEW.seq := 0; NEW.head := ''; RETURN NEW;",
                            hash="fe3bb4fcf0ed717d4c73bce3f22822fbb6dbd3a9",
                            operation="INSERT",
                            pgid="pgtrigger_starts_empty_9222c",
                            table="audit_chain",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="chain",
                    trigger=pgtrigger.compiler.Trigger(
                        name="no_truncate",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
                            hash="605ec948a86695968418b0fbc44b13d0ada278f1",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_no_truncate_975a6",
                            table="audit_chain",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="event",
                    trigger=pgtrigger.compiler.Trigger(
                        name="chain_event",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE head_row audit_chain%ROWTYPE;",
                            func="\n    INSERT INTO audit_chain (key, seq, head) VALUES (NEW.chain_id, 0, '') ON CONFLICT DO NOTHING;\n    SELECT * INTO head_row FROM audit_chain WHERE key = NEW.chain_id FOR UPDATE;\n    NEW.at := clock_timestamp();\n    NEW.seq := head_row.seq + 1;\n    NEW.previous := head_row.head;\n    NEW.hash := encode(sha256(convert_to(array_to_json(ARRAY[\n        NEW.previous, NEW.chain_id, NEW.seq::text,\n        to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),\n        NEW.actor_id::text, NEW.actor_name, NEW.engagement_id::text, NEW.firm_id::text,\n        NEW.action, NEW.audience, NEW.target, NEW.target_label, NEW.detail::text, host(NEW.ip)\n    ]::text[])::text, 'UTF8')), 'hex');\n    UPDATE audit_chain SET seq = NEW.seq, head = NEW.hash WHERE key = NEW.chain_id;\n    RETURN NEW;\n",
                            hash="3c4dfe47b711f3c235704f38097d759b5d9ea5cd",
                            operation="INSERT",
                            pgid="pgtrigger_chain_event_f5ef4",
                            table="audit_event",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="event",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="e1de01de2c9f0df2033cadb85ebc9cff5820c148",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_7d947",
                            table="audit_event",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="event",
                    trigger=pgtrigger.compiler.Trigger(
                        name="no_truncate",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
                            hash="d9b7d25043709d7f6a648db77d4affa03caf5830",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_no_truncate_06d01",
                            table="audit_event",
                            when="BEFORE",
                        ),
                    ),
                ),
            ],
        ),
    ]
