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
        ("distribution", "0001_initial"),
        ("engagements", "0001_initial"),
        ("reports", "0001_initial"),
    ]

    operations = [
        audit.migrating.AtOnce(
            operations=[
                migrations.AddField(
                    model_name="accessevent",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="engagements.engagement"
                    ),
                ),
                migrations.AddField(
                    model_name="accessevent",
                    name="issuance",
                    field=models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="reports.issuance",
                    ),
                ),
                migrations.AddField(
                    model_name="grant",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="engagements.engagement",
                    ),
                ),
                migrations.AddField(
                    model_name="grant",
                    name="invited_by",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                migrations.AddField(
                    model_name="grant",
                    name="revoked_by",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AddField(
                    model_name="accessevent",
                    name="grant",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="distribution.grant"
                    ),
                ),
                migrations.AddField(
                    model_name="acceptance",
                    name="grant",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acceptances",
                        to="distribution.grant",
                    ),
                ),
                migrations.AddField(
                    model_name="nondisclosureagreement",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="agreements",
                        to="engagements.engagement",
                    ),
                ),
                migrations.AddField(
                    model_name="nondisclosureagreement",
                    name="published_by",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                migrations.AddField(
                    model_name="accessevent",
                    name="agreement",
                    field=models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="distribution.nondisclosureagreement",
                    ),
                ),
                migrations.AddField(
                    model_name="acceptance",
                    name="agreement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acceptances",
                        to="distribution.nondisclosureagreement",
                    ),
                ),
                migrations.AddField(
                    model_name="publication",
                    name="ended_by",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AddField(
                    model_name="publication",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="publications",
                        to="engagements.engagement",
                    ),
                ),
                migrations.AddField(
                    model_name="publication",
                    name="published_by",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                migrations.AddField(
                    model_name="publication",
                    name="report",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="publications",
                        to="reports.generalusereport",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="grant",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("revoked_at__isnull", True)),
                        fields=("engagement", "email"),
                        name="grant_once_per_reader",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="nondisclosureagreement",
                    constraint=models.UniqueConstraint(
                        fields=("engagement", "version"), name="agreement_version_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="acceptance",
                    constraint=models.UniqueConstraint(fields=("grant", "agreement"), name="acceptance_once"),
                ),
                migrations.AddConstraint(
                    model_name="publication",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("report",),
                        name="publication_one_address",
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="nondisclosureagreement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="6a15cf985147b8d1aaf38b11d3729c1f522719bf",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_32e11",
                            table="distribution_nondisclosureagreement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="accessevent",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="f03513036a5ad2a86e159a3a2f918c684582f529",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_b1085",
                            table="distribution_accessevent",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="acceptance",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging((SELECT engagement_id FROM distribution_grant WHERE id = OLD.grant_id)) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="eba8ab5817195cd2c570a5f945383d59a1f3f9bb",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_a6245",
                            table="distribution_acceptance",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="publication",
                    trigger=pgtrigger.compiler.Trigger(
                        name="published_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."address" IS DISTINCT FROM (NEW."address") OR OLD."engagement_id" IS DISTINCT FROM (NEW."engagement_id") OR OLD."published_at" IS DISTINCT FROM (NEW."published_at") OR OLD."published_by_id" IS DISTINCT FROM (NEW."published_by_id") OR OLD."report_id" IS DISTINCT FROM (NEW."report_id"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="3136adaffe50127ca3b04b1b0156ee2cfa78b2dc",
                            operation="UPDATE",
                            pgid="pgtrigger_published_stays_05936",
                            table="distribution_publication",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="publication",
                    trigger=pgtrigger.compiler.Trigger(
                        name="published_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="898db3b0ffef1f9f6b70d17ba391a5e88a7ce833",
                            operation="DELETE",
                            pgid="pgtrigger_published_stays_never_deleted_214b1",
                            table="distribution_publication",
                            when="BEFORE",
                        ),
                    ),
                ),
            ],
        ),
    ]
