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
            ],
        ),
    ]
