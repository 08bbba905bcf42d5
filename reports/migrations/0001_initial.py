import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import audit.migrating


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("accounts", "__first__"),
        ("controls", "0001_initial"),
        ("engagements", "0001_initial"),
        ("evidence", "0001_initial"),
        ("fieldwork", "0001_initial"),
        ("jobs", "0001_initial"),
    ]

    operations = [
        audit.migrating.AtOnce(
            operations=[
                migrations.CreateModel(
                    name="DescriptionSection",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "part",
                            models.CharField(
                                choices=[
                                    ("DC1", "Services provided"),
                                    ("DC2", "Service commitments and system requirements"),
                                    ("DC3", "Components of the system"),
                                    ("DC4", "Incidents"),
                                    ("DC5", "Criteria and related controls"),
                                    ("DC6", "Complementary user entity controls"),
                                    ("DC7", "Subservice organizations"),
                                    ("DC8", "Criteria not relevant to the system"),
                                    ("DC9", "Significant changes in the period"),
                                    ("other", "Other information provided by management"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("body", models.TextField(blank=True)),
                        ("version", models.PositiveIntegerField(default=0)),
                        ("updated_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "updated_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["part"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="DescriptionRevision",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("version", models.PositiveIntegerField()),
                        ("body", models.TextField(blank=True)),
                        ("at", models.DateTimeField(auto_now_add=True)),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "section",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="revisions",
                                to="reports.descriptionsection",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-version"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="EmphasisParagraph",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[("emphasis", "Emphasis of matter"), ("other_matter", "Other matter")],
                                max_length=12,
                            ),
                        ),
                        ("title", models.CharField(max_length=120)),
                        ("text", models.TextField()),
                        ("reason", models.TextField()),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="EngagementLetter",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField(verbose_name="amendment, 0 for the letter")),
                        ("terms", models.JSONField(verbose_name="what is agreed with it")),
                        ("changes", models.JSONField(default=list, verbose_name="what it changes, old and new")),
                        ("reason", models.TextField(blank=True, verbose_name="why the terms change")),
                        ("fees", models.TextField(blank=True)),
                        ("further", models.TextField(blank=True, verbose_name="further terms")),
                        ("text", models.TextField(blank=True, verbose_name="text for signature")),
                        (
                            "content_sha256",
                            models.CharField(blank=True, max_length=64, verbose_name="hash of the text"),
                        ),
                        ("drafted_at", models.DateTimeField()),
                        (
                            "signed_for_client",
                            models.CharField(blank=True, max_length=120, verbose_name="signed for the client by"),
                        ),
                        (
                            "signed_for_firm",
                            models.CharField(blank=True, max_length=120, verbose_name="signed for the firm by"),
                        ),
                        ("executed_on", models.DateField(blank=True, null=True, verbose_name="in force since")),
                        ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                        ("withdrawn_because", models.TextField(blank=True)),
                        (
                            "drafted_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "file",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.evidencefile",
                                verbose_name="copy signed elsewhere",
                            ),
                        ),
                        (
                            "withdrawn_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["number", "pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Issuance",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("rendering", "Being rendered"),
                                    ("failed", "Rendering failed, nothing was issued"),
                                    ("current", "Current"),
                                    ("superseded", "Superseded"),
                                    ("withdrawn", "Withdrawn"),
                                ],
                                default="rendering",
                                max_length=10,
                            ),
                        ),
                        ("pdf_sha256", models.CharField(blank=True, max_length=64)),
                        ("certificate", models.TextField(blank=True, verbose_name="certificate of the seal, PEM")),
                        (
                            "authority",
                            models.TextField(
                                blank=True, verbose_name="certificates of the timestamp authority, PEM"
                            ),
                        ),
                        ("pages", models.PositiveIntegerField(blank=True, null=True)),
                        ("requested_at", models.DateTimeField(auto_now_add=True)),
                        ("released_at", models.DateTimeField(blank=True, null=True)),
                        ("number", models.CharField(max_length=30, verbose_name="report number")),
                        ("snapshot", models.JSONField()),
                        ("content_sha256", models.CharField(max_length=64)),
                        ("report_date", models.DateField()),
                        ("prepared_sha256", models.CharField(blank=True, max_length=64)),
                        ("prepared", models.JSONField(blank=True, null=True)),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="issuances",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "issued_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "job",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="jobs.job",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="DiscoveredFact",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("known_on", models.DateField(verbose_name="known since")),
                        ("fact", models.TextField(verbose_name="what became known")),
                        ("opened_at", models.DateTimeField(auto_now_add=True)),
                        (
                            "decision",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("stands", "The report stands"),
                                    ("withdraw", "Withdraw the report"),
                                    ("reissue", "Reissue: the report stays current until a new one replaces it"),
                                    ("withdraw_reissue", "Withdraw now, and reissue"),
                                ],
                                max_length=16,
                            ),
                        ),
                        ("reason", models.TextField(blank=True, verbose_name="why")),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        ("closed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "decided_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="discovered_facts",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "opened_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "issuance",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="reports.issuance"
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="LetterSignature",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "side",
                            models.CharField(
                                choices=[("firm", "For the firm"), ("client", "For the client")], max_length=6
                            ),
                        ),
                        ("name", models.CharField(max_length=120)),
                        ("title", models.CharField(max_length=120)),
                        ("intent", models.TextField(verbose_name="what was declared")),
                        ("content_sha256", models.CharField(max_length=64, verbose_name="hash of the text")),
                        ("signed_at", models.DateTimeField()),
                        ("signed_from", models.GenericIPAddressField(blank=True, null=True)),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "letter",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="signatures",
                                to="reports.engagementletter",
                            ),
                        ),
                        (
                            "signed_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ManagementStatement",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("assertion", "Management's assertion"),
                                    ("representation", "Management representation letter"),
                                    ("subsequent_events", "Subsequent events inquiry"),
                                    ("general_use", "Management's assertion for general use (SOC 3)"),
                                ],
                                max_length=20,
                            ),
                        ),
                        (
                            "modifications",
                            models.TextField(
                                blank=True, verbose_name="matters for which the assertion does not hold"
                            ),
                        ),
                        (
                            "basis",
                            models.TextField(blank=True, verbose_name="basis of management for the assertion"),
                        ),
                        ("text", models.TextField(verbose_name="text as signed")),
                        ("content_sha256", models.CharField(max_length=64)),
                        ("stated_on", models.DateField(verbose_name="date of the document")),
                        ("signatory_name", models.CharField(max_length=120)),
                        ("signatory_title", models.CharField(max_length=120)),
                        ("signed_at", models.DateTimeField()),
                        ("signed_from", models.GenericIPAddressField(blank=True, null=True)),
                        ("superseded_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "signed_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="GeneralUseReport",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("rendering", "Being rendered"),
                                    ("failed", "Rendering failed, nothing was issued"),
                                    ("current", "Current"),
                                    ("superseded", "Superseded"),
                                    ("withdrawn", "Withdrawn"),
                                ],
                                default="rendering",
                                max_length=10,
                            ),
                        ),
                        ("pdf_sha256", models.CharField(blank=True, max_length=64)),
                        ("certificate", models.TextField(blank=True, verbose_name="certificate of the seal, PEM")),
                        (
                            "authority",
                            models.TextField(
                                blank=True, verbose_name="certificates of the timestamp authority, PEM"
                            ),
                        ),
                        ("pages", models.PositiveIntegerField(blank=True, null=True)),
                        ("requested_at", models.DateTimeField(auto_now_add=True)),
                        ("released_at", models.DateTimeField(blank=True, null=True)),
                        ("number", models.CharField(max_length=40, verbose_name="report number")),
                        (
                            "content_sha256",
                            models.CharField(max_length=64, verbose_name="hash of the content it is taken from"),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="general_use_reports",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "issued_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "job",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="jobs.job",
                            ),
                        ),
                        (
                            "issuance",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="general_use_reports",
                                to="reports.issuance",
                            ),
                        ),
                        (
                            "statement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="reports.managementstatement",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Matter",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField()),
                        ("title", models.CharField(max_length=200)),
                        (
                            "cause",
                            models.CharField(
                                choices=[
                                    ("misstatement", "Description misstated"),
                                    ("design", "Controls not suitably designed"),
                                    ("operation", "Controls did not operate effectively"),
                                    ("scope", "Evidence could not be obtained"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("pervasive", models.BooleanField(default=False, verbose_name="material and pervasive")),
                        ("basis", models.TextField(verbose_name="basis paragraph, as the report will say it")),
                        (
                            "limbs",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(
                                    choices=[
                                        ("description", "Description"),
                                        ("design", "Suitability of design"),
                                        ("operating", "Operating effectiveness"),
                                    ],
                                    max_length=12,
                                ),
                                size=None,
                            ),
                        ),
                        ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                        ("at", models.DateTimeField(auto_now_add=True)),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["number"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="MatterCriterion",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "criterion",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="controls.criterion",
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "matter",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="criterion_links",
                                to="reports.matter",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["criterion__position"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="MatterDeviation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "deviation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="matter_links",
                                to="fieldwork.deviation",
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "matter",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="deviation_links",
                                to="reports.matter",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Opinion",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "limb",
                            models.CharField(
                                choices=[
                                    ("description", "Description"),
                                    ("design", "Suitability of design"),
                                    ("operating", "Operating effectiveness"),
                                ],
                                max_length=12,
                            ),
                        ),
                        (
                            "conclusion",
                            models.CharField(
                                choices=[
                                    ("unmodified", "Unmodified"),
                                    ("qualified", "Qualified"),
                                    ("adverse", "Adverse"),
                                    ("disclaimed", "Disclaimed"),
                                ],
                                max_length=12,
                            ),
                        ),
                        (
                            "proposed",
                            models.CharField(
                                choices=[
                                    ("unmodified", "Unmodified"),
                                    ("qualified", "Qualified"),
                                    ("adverse", "Adverse"),
                                    ("disclaimed", "Disclaimed"),
                                ],
                                max_length=12,
                                verbose_name="proposed when it was formed",
                            ),
                        ),
                        ("reason", models.TextField(blank=True, verbose_name="why other than proposed")),
                        ("formed_at", models.DateTimeField(auto_now_add=True)),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "formed_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="OwnWording",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("element", models.CharField(max_length=30, verbose_name="paragraph")),
                        (
                            "report_type",
                            models.CharField(
                                blank=True,
                                choices=[("", "Both types"), ("1", "Type 1"), ("2", "Type 2")],
                                max_length=1,
                                verbose_name="for",
                            ),
                        ),
                        ("version", models.PositiveSmallIntegerField()),
                        ("text", models.TextField()),
                        ("note", models.TextField(blank=True, verbose_name="what changes and why")),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("draft", "Draft"),
                                    ("proposed", "To be approved"),
                                    ("approved", "In force"),
                                    ("retired", "Retired"),
                                ],
                                default="draft",
                                max_length=10,
                            ),
                        ),
                        ("written_at", models.DateTimeField()),
                        ("approved_at", models.DateTimeField(blank=True, null=True)),
                        ("retired_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "approved_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "firm",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="wordings",
                                to="accounts.firm",
                            ),
                        ),
                        (
                            "written_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["element", "report_type", "-version"],
                    },
                ),
                migrations.CreateModel(
                    name="QualityReview",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "significant_judgements",
                            models.TextField(verbose_name="significant judgements considered"),
                        ),
                        ("conclusion", models.TextField()),
                        (
                            "content_sha256",
                            models.CharField(
                                max_length=64, verbose_name="hash of the report's content as reviewed"
                            ),
                        ),
                        ("at", models.DateTimeField(auto_now_add=True)),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Report",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField()),
                        ("snapshot", models.JSONField()),
                        ("content_sha256", models.CharField(max_length=64)),
                        (
                            "state",
                            models.CharField(
                                choices=[("rendering", "Being rendered"), ("ready", "Ready"), ("failed", "Failed")],
                                default="rendering",
                                max_length=10,
                            ),
                        ),
                        ("pdf_sha256", models.CharField(blank=True, max_length=64)),
                        ("pages", models.PositiveIntegerField(blank=True, null=True)),
                        ("requested_at", models.DateTimeField(auto_now_add=True)),
                        ("rendered_at", models.DateTimeField(blank=True, null=True)),
                        ("shown_to_client_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "job",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="jobs.job",
                            ),
                        ),
                        (
                            "requested_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-number"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="LikenessCheck",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("content_sha256", models.CharField(max_length=64)),
                        ("compared", models.PositiveIntegerField(verbose_name="engagements it was compared with")),
                        ("found", models.JSONField()),
                        ("at", models.DateTimeField(auto_now_add=True)),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "draft",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="likeness_checks",
                                to="reports.report",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="IssueApproval",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "content_sha256",
                            models.CharField(max_length=64, verbose_name="hash of the content as approved"),
                        ),
                        ("at", models.DateTimeField(auto_now_add=True)),
                        ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                        ("withdrawn_because", models.TextField(blank=True, verbose_name="why it is withdrawn")),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "draft",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="approvals",
                                to="reports.report",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ClientReview",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "content_sha256",
                            models.CharField(max_length=64, verbose_name="hash of the content as read"),
                        ),
                        ("note", models.TextField(blank=True)),
                        ("at", models.DateTimeField(auto_now_add=True)),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "draft",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="client_reviews",
                                to="reports.report",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ReportComment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("place", models.CharField(max_length=80, verbose_name="anchor of the paragraph")),
                        ("text", models.TextField()),
                        ("internal", models.BooleanField(default=False)),
                        ("of_firm", models.BooleanField()),
                        ("at", models.DateTimeField(auto_now_add=True)),
                        ("answer", models.TextField(blank=True)),
                        ("settled_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "draft",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="comments",
                                to="reports.report",
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "settled_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="SystemDescription",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("title", models.CharField(max_length=200)),
                        ("completed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "completed_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
            ],
        ),
        audit.migrating.AtOnce(
            operations=[
                migrations.AddField(
                    model_name="matter",
                    name="criteria",
                    field=models.ManyToManyField(
                        related_name="+", through="reports.MatterCriterion", to="controls.criterion"
                    ),
                ),
                migrations.AddField(
                    model_name="matter",
                    name="deviations",
                    field=models.ManyToManyField(
                        related_name="matters", through="reports.MatterDeviation", to="fieldwork.deviation"
                    ),
                ),
                migrations.AddField(
                    model_name="issuance",
                    name="draft",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="reports.report"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="descriptionsection",
                    constraint=models.UniqueConstraint(fields=("engagement", "part"), name="section_one"),
                ),
                migrations.AddConstraint(
                    model_name="descriptionrevision",
                    constraint=models.UniqueConstraint(fields=("section", "version"), name="revision_once"),
                ),
                migrations.AddConstraint(
                    model_name="engagementletter",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("executed_on__isnull", True), ("withdrawn_at__isnull", True)),
                        fields=("engagement",),
                        name="letter_one_to_sign",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="engagementletter",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=("engagement", "number"),
                        name="letter_number_once",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="engagementletter",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("executed_on__isnull", True), ("withdrawn_at__isnull", True), _connector="OR"
                        ),
                        name="letter_one_end",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="engagementletter",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("executed_on__isnull", True),
                            models.Q(
                                models.Q(("signed_for_client", ""), _negated=True),
                                models.Q(("signed_for_firm", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="letter_names_both",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="engagementletter",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("text", ""), _negated=True), ("file__isnull", False), _connector="OR"
                        ),
                        name="letter_says_something",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="engagementletter",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("number", 0),
                            models.Q(
                                models.Q(("reason", ""), _negated=True), models.Q(("changes", []), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="amendment_says_what_and_why",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="discoveredfact",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=("engagement",),
                        name="discovered_fact_one_open",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="discoveredfact",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("decision", ""),
                            models.Q(
                                models.Q(("reason", ""), _negated=True),
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="discovered_fact_decided_with_reason",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="discoveredfact",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("closed_at__isnull", True), models.Q(("decision", ""), _negated=True), _connector="OR"
                        ),
                        name="discovered_fact_closed_when_decided",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="lettersignature",
                    constraint=models.UniqueConstraint(fields=("letter", "side"), name="letter_each_side_once"),
                ),
                migrations.AddConstraint(
                    model_name="lettersignature",
                    constraint=models.UniqueConstraint(fields=("letter", "signed_by"), name="letter_two_people"),
                ),
                migrations.AddConstraint(
                    model_name="managementstatement",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("superseded_at__isnull", True)),
                        fields=("engagement", "kind"),
                        name="statement_one_current",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="generalusereport",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("state", "current")),
                        fields=("engagement",),
                        name="general_use_one_current",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="generalusereport",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("state", "rendering")),
                        fields=("engagement",),
                        name="general_use_one_rendering",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="generalusereport",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "current"), _negated=True),
                            models.Q(models.Q(("pdf_sha256", ""), _negated=True), ("released_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="general_use_current_has_pdf",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="mattercriterion",
                    constraint=models.UniqueConstraint(
                        fields=("matter", "criterion"), name="matter_criterion_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="matterdeviation",
                    constraint=models.UniqueConstraint(
                        fields=("matter", "deviation"), name="matter_deviation_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="matter",
                    constraint=models.UniqueConstraint(fields=("engagement", "number"), name="matter_number_once"),
                ),
                migrations.AddConstraint(
                    model_name="opinion",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("conclusion", models.F("proposed")),
                            models.Q(("reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="opinion_other_needs_reason",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="ownwording",
                    constraint=models.UniqueConstraint(
                        fields=("firm", "element", "version"), name="own_wording_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="ownwording",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("state", "approved")),
                        fields=("firm", "element", "report_type"),
                        name="own_wording_one_in_force",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="ownwording",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["approved", "retired"]), _negated=True),
                            models.Q(("approved_at__isnull", False), ("approved_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="own_wording_approved_by_somebody",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="report",
                    constraint=models.UniqueConstraint(fields=("engagement", "number"), name="draft_number_once"),
                ),
                migrations.AddConstraint(
                    model_name="issueapproval",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=("engagement", "content_sha256", "by"),
                        name="issue_approved_once_each",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="issuance",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("state", "current")),
                        fields=("engagement",),
                        name="issuance_one_current",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="issuance",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("state", "rendering")),
                        fields=("engagement",),
                        name="issuance_one_rendering",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="issuance",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "current"), _negated=True),
                            models.Q(models.Q(("pdf_sha256", ""), _negated=True), ("released_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="issuance_current_has_pdf",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="issuance",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "current"), _negated=True),
                            models.Q(models.Q(("prepared_sha256", ""), _negated=True), ("prepared__isnull", False)),
                            _connector="OR",
                        ),
                        name="issuance_current_has_copies",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="clientreview",
                    constraint=models.UniqueConstraint(fields=("draft", "by"), name="client_review_once_each"),
                ),
                migrations.AddConstraint(
                    model_name="reportcomment",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("of_firm", True), ("internal", False), _connector="OR"),
                        name="comment_of_client_is_seen",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="systemdescription",
                    constraint=models.UniqueConstraint(fields=("engagement",), name="description_one"),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="descriptionsection",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="9b5d5a8c715f80b501afddda0b47aec678066911",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_5c464",
                            table="reports_descriptionsection",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="descriptionsection",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="b7d50516a4a8772221f7423abcb9be048c742768",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_96af9",
                            table="reports_descriptionsection",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="descriptionrevision",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="e78458de147347055dca621c68f66778a3d4ef9d",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_93773",
                            table="reports_descriptionrevision",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="descriptionrevision",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="a8c174586826f2a6891f84ee3ff661d70550d436",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_052cf",
                            table="reports_descriptionrevision",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="descriptionrevision",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="a45242f0c6dfdfb8eccbbd0707544808acb61337",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_bc9c0",
                            table="reports_descriptionrevision",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="emphasisparagraph",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="b1b82b245e745e6344951b24e7050f3fd81a9c24",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_4ba31",
                            table="reports_emphasisparagraph",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="emphasisparagraph",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="9c4080e5bd38d1b5f1229118b124e64a7aaf6e2a",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_6e7d9",
                            table="reports_emphasisparagraph",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="engagementletter",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="487ffd4e6fbdce13c98a66175a41df3d4e245122",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_452d2",
                            table="reports_engagementletter",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="engagementletter",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="d0c6eb5125011c4784c2bcb30d1db29622e2be87",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_156e8",
                            table="reports_engagementletter",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="engagementletter",
                    trigger=pgtrigger.compiler.Trigger(
                        name="drafted_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."changes" IS DISTINCT FROM (NEW."changes") OR OLD."content_sha256" IS DISTINCT FROM (NEW."content_sha256") OR OLD."drafted_at" IS DISTINCT FROM (NEW."drafted_at") OR OLD."drafted_by_id" IS DISTINCT FROM (NEW."drafted_by_id") OR OLD."engagement_id" IS DISTINCT FROM (NEW."engagement_id") OR OLD."fees" IS DISTINCT FROM (NEW."fees") OR OLD."further" IS DISTINCT FROM (NEW."further") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."terms" IS DISTINCT FROM (NEW."terms") OR OLD."text" IS DISTINCT FROM (NEW."text"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="b290a3be9cec5498e4f61ff694dfb442486f651f",
                            operation="UPDATE",
                            pgid="pgtrigger_drafted_stays_7ba04",
                            table="reports_engagementletter",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="engagementletter",
                    trigger=pgtrigger.compiler.Trigger(
                        name="drafted_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="a9e1187ab5863806bba9540423f2aad86c93f8b8",
                            operation="DELETE",
                            pgid="pgtrigger_drafted_stays_never_deleted_d6c91",
                            table="reports_engagementletter",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="engagementletter",
                    trigger=pgtrigger.compiler.Trigger(
                        name="settled_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."executed_on" IS NOT NULL OR OLD."withdrawn_at" IS NOT NULL)',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="7a6d184be374c26f419e2d6192e8656cb80c97ed",
                            operation="UPDATE",
                            pgid="pgtrigger_settled_stays_5da6f",
                            table="reports_engagementletter",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="engagementletter",
                    trigger=pgtrigger.compiler.Trigger(
                        name="in_force_when_both_signed",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n                    IF NEW.executed_on IS NOT NULL AND NEW.file_id IS NULL AND (\n                        SELECT count(DISTINCT side) FROM reports_lettersignature\n                        WHERE letter_id = NEW.id AND content_sha256 = NEW.content_sha256\n                    ) <> 2 THEN\n                        RAISE EXCEPTION 'Nothing is agreed until both have signed it (R07, R15)'\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NEW;\n                ",
                            hash="9e80db95281d745cf29d5530fbba4c6563eb0e34",
                            operation="INSERT OR UPDATE",
                            pgid="pgtrigger_in_force_when_both_signed_d479c",
                            table="reports_engagementletter",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="discoveredfact",
                    trigger=pgtrigger.compiler.Trigger(
                        name="fact_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."engagement_id" IS DISTINCT FROM (NEW."engagement_id") OR OLD."fact" IS DISTINCT FROM (NEW."fact") OR OLD."issuance_id" IS DISTINCT FROM (NEW."issuance_id") OR OLD."known_on" IS DISTINCT FROM (NEW."known_on") OR OLD."opened_at" IS DISTINCT FROM (NEW."opened_at") OR OLD."opened_by_id" IS DISTINCT FROM (NEW."opened_by_id"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="61fd714c5cf52e2a8ac156dafba8c89f68333757",
                            operation="UPDATE",
                            pgid="pgtrigger_fact_stays_fa1b9",
                            table="reports_discoveredfact",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="discoveredfact",
                    trigger=pgtrigger.compiler.Trigger(
                        name="fact_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="2e1845db03b1aac1aa94b4058494317c37ed364a",
                            operation="DELETE",
                            pgid="pgtrigger_fact_stays_never_deleted_a0307",
                            table="reports_discoveredfact",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="discoveredfact",
                    trigger=pgtrigger.compiler.Trigger(
                        name="decided_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition="WHEN (OLD.decision <> '' AND NEW.decision <> OLD.decision)",
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="da60e4750ef61d9bd57a46504e80913958d9c78c",
                            operation="UPDATE",
                            pgid="pgtrigger_decided_stays_eb9ce",
                            table="reports_discoveredfact",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="discoveredfact",
                    trigger=pgtrigger.compiler.Trigger(
                        name="closed_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."closed_at" IS NOT NULL)',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="18d42fe6945628fd290e9a3f01a4cb0c43609701",
                            operation="UPDATE",
                            pgid="pgtrigger_closed_stays_e2403",
                            table="reports_discoveredfact",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="lettersignature",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="f79ed583f9c5ff6a7dace93a74d0be885f2d7e1b",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_d3878",
                            table="reports_lettersignature",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="lettersignature",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="a684235f76508adf91bea8e1158b21406e61f181",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_47001",
                            table="reports_lettersignature",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="lettersignature",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="2d54faf0232752cb46a0519d0deab880b4e85180",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_eeb85",
                            table="reports_lettersignature",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="lettersignature",
                    trigger=pgtrigger.compiler.Trigger(
                        name="signs_what_is_open",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n                    IF EXISTS (\n                        SELECT FROM reports_engagementletter\n                        WHERE id = NEW.letter_id AND (\n                            content_sha256 <> NEW.content_sha256\n                            OR executed_on IS NOT NULL OR withdrawn_at IS NOT NULL\n                        )\n                    ) THEN\n                        RAISE EXCEPTION 'This text does not wait for a signature'\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NEW;\n                ",
                            hash="229b472f03c266bfcb644f630e6da44ef1afe174",
                            operation="INSERT",
                            pgid="pgtrigger_signs_what_is_open_15745",
                            table="reports_lettersignature",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="managementstatement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="6036670ed93ba6cf80900b915673a627cc39a4cd",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_b3e33",
                            table="reports_managementstatement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="managementstatement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="cba81fb7c7ddc1dd3f188f44dd0a5605652a9776",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_814ab",
                            table="reports_managementstatement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="managementstatement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="speaks_of_what_is_over",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE e engagements_engagement%ROWTYPE;",
                            func="\n                    SELECT * INTO e FROM engagements_engagement WHERE id = NEW.engagement_id;\n                    IF NEW.stated_on < e.as_of OR NEW.stated_on <= e.period_end THEN\n                        RAISE EXCEPTION 'It speaks of a time that was not over on that day (R49)'\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    IF NEW.stated_on > (NEW.signed_at AT TIME ZONE 'UTC')::date THEN\n                        RAISE EXCEPTION 'A document is not dated ahead of the day it is signed'\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NEW;\n                ",
                            hash="e0e9c0be2ea94246a8110369c329b9681d15f15b",
                            operation="INSERT",
                            pgid="pgtrigger_speaks_of_what_is_over_b950d",
                            table="reports_managementstatement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="managementstatement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="signed_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."content_sha256" IS DISTINCT FROM (NEW."content_sha256") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."modifications" IS DISTINCT FROM (NEW."modifications") OR OLD."signed_at" IS DISTINCT FROM (NEW."signed_at") OR OLD."signed_by_id" IS DISTINCT FROM (NEW."signed_by_id") OR OLD."stated_on" IS DISTINCT FROM (NEW."stated_on") OR OLD."text" IS DISTINCT FROM (NEW."text"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="2c41d4eafe9fe2e2cf8a39c0a142be937f25bbab",
                            operation="UPDATE",
                            pgid="pgtrigger_signed_stays_0e1ab",
                            table="reports_managementstatement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="managementstatement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="signed_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="e7abd797cff5121a70bc45c5fc356f68f1ab9f71",
                            operation="DELETE",
                            pgid="pgtrigger_signed_stays_never_deleted_c7d1c",
                            table="reports_managementstatement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="generalusereport",
                    trigger=pgtrigger.compiler.Trigger(
                        name="general_use_machine",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{rendering:current,rendering:failed,current:superseded,current:withdrawn}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="4fe4a94540ac00a1519dad75c1bb71ae3b3b54ee",
                            operation="UPDATE",
                            pgid="pgtrigger_general_use_machine_3d03c",
                            table="reports_generalusereport",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="generalusereport",
                    trigger=pgtrigger.compiler.Trigger(
                        name="general_use_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE made text[] := '{state,job_id,pdf_sha256,certificate,authority,pages,released_at}';",
                            func="\n                IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n                IF TG_OP = 'DELETE' THEN\n                    RAISE EXCEPTION 'What is issued is never deleted'\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF OLD.state <> 'rendering' AND to_jsonb(NEW) - 'state' <> to_jsonb(OLD) - 'state' THEN\n                    RAISE EXCEPTION 'What is issued never changes' USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF to_jsonb(NEW) - made <> to_jsonb(OLD) - made THEN\n                    RAISE EXCEPTION 'The content of an issued report never changes'\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n            ",
                            hash="52157b4fc4a1b068e18ced02e35f15e0a745cd22",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_general_use_stays_d053a",
                            table="reports_generalusereport",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="generalusereport",
                    trigger=pgtrigger.compiler.Trigger(
                        name="no_truncate",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
                            hash="afed212ca27beb4af06bcc0d4e443ccb3008b55d",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_no_truncate_c3093",
                            table="reports_generalusereport",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="generalusereport",
                    trigger=pgtrigger.compiler.Trigger(
                        name="general_use_of_current",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE whole reports_issuance%ROWTYPE;",
                            func="\n                    SELECT * INTO whole FROM reports_issuance WHERE id = NEW.issuance_id;\n                    IF NEW.content_sha256 <> whole.content_sha256 THEN\n                        RAISE EXCEPTION 'A SOC 3 report has the content of the report it belongs to'\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    IF NEW.state IN ('rendering', 'current') AND whole.state <> 'current' THEN\n                        RAISE EXCEPTION 'The report it belongs to is not current'\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NEW;\n                ",
                            hash="5edd6786f3bd0827fad6757ab1981f550023aabc",
                            operation="INSERT OR UPDATE",
                            pgid="pgtrigger_general_use_of_current_48683",
                            table="reports_generalusereport",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="mattercriterion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="9026177cd50b721b452495e69f6db10cb458afd7",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_e36e3",
                            table="reports_mattercriterion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="mattercriterion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="7c7597eac5e7ef4754b4ccd0cdccf0b3fbe912c5",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_325e3",
                            table="reports_mattercriterion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="matterdeviation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="9c91fde504a41e8187211dcb7fc067e0cc981c01",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_8e6f3",
                            table="reports_matterdeviation",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="matterdeviation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="ab66ec43be563319fa1b7618ea10d8c4616e58d9",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_6c9af",
                            table="reports_matterdeviation",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="matter",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="107647d3bde6a3b00c2b566f5e0e795cab810982",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_6fd39",
                            table="reports_matter",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="matter",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="0a930472aaa8470267aa3bf5e5772749ed9adf26",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_f7a02",
                            table="reports_matter",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="opinion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="ffa571332e0c7c1928cd00981ed635eac40b4fe0",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_79b1e",
                            table="reports_opinion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="opinion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="c14e1136c6d41d4ba04e535abad0d0f290a470c7",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_4fe42",
                            table="reports_opinion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="opinion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="306ca60d5257931557ffe36e5ab029bff881a5cc",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_56d85",
                            table="reports_opinion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="ownwording",
                    trigger=pgtrigger.compiler.Trigger(
                        name="own_wording_machine",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{draft:proposed,proposed:draft,proposed:approved,approved:retired}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="90214056859067b63ed3d077a81e98eeeccb86e6",
                            operation="UPDATE",
                            pgid="pgtrigger_own_wording_machine_1baad",
                            table="reports_ownwording",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="ownwording",
                    trigger=pgtrigger.compiler.Trigger(
                        name="approved_wording_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition="WHEN (OLD.\"state\" IN ('approved', 'retired'))",
                            func="\n                    IF TG_OP = 'DELETE'\n                        OR to_jsonb(NEW) - 'state' - 'retired_at' <> to_jsonb(OLD) - 'state' - 'retired_at' THEN\n                        RAISE EXCEPTION 'What was approved never changes' USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    RETURN NEW;\n                ",
                            hash="d7c6988158514174609ca21c10003d0344df6231",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_approved_wording_stays_33cee",
                            table="reports_ownwording",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="qualityreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="8875e0d8e4fc799b36a97e62141b1660bd17bcbe",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_2d680",
                            table="reports_qualityreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="qualityreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="94575f234320adc81f79a40740dbc7d9a8efc222",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_1f2dd",
                            table="reports_qualityreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="qualityreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="b72bb3bcd2a99df71416f49cd1314c38edcd6e67",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_17b68",
                            table="reports_qualityreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="report",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="2d6b20d1e5559f43ef92bc63939e702f61b9a574",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_d5d0d",
                            table="reports_report",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="report",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="76b35da8261fd14410e3980cfd2fd6cf18cd93c6",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_ab67c",
                            table="reports_report",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="report",
                    trigger=pgtrigger.compiler.Trigger(
                        name="snapshot_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."content_sha256" IS DISTINCT FROM (NEW."content_sha256") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."snapshot" IS DISTINCT FROM (NEW."snapshot"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="2301f9106d641c953d5125d1d7543570cf8ccb0c",
                            operation="UPDATE",
                            pgid="pgtrigger_snapshot_stays_c5c69",
                            table="reports_report",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="report",
                    trigger=pgtrigger.compiler.Trigger(
                        name="snapshot_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="75b416dcb230edd0a3830393ca1f2fb3edbe474b",
                            operation="DELETE",
                            pgid="pgtrigger_snapshot_stays_never_deleted_884ec",
                            table="reports_report",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="likenesscheck",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="fa03c7882036f3501cc2b09723dd44de2a836ab9",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_a8445",
                            table="reports_likenesscheck",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="likenesscheck",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="7be83dc0ea3d3be57cca46a89aadc5a5e0054c24",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_cb004",
                            table="reports_likenesscheck",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="likenesscheck",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="d0ab8aec2986bddcf3a22fa764957e3fae0e0d58",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_1a03b",
                            table="reports_likenesscheck",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="issueapproval",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="166d142d676af8ab3e2c44667695e56bcdddf22b",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_f111d",
                            table="reports_issueapproval",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="issueapproval",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="d51e53090f2c6f49fe5b54b66cb27445af63fbe3",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_9fc72",
                            table="reports_issueapproval",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="issueapproval",
                    trigger=pgtrigger.compiler.Trigger(
                        name="approval_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."at" IS DISTINCT FROM (NEW."at") OR OLD."by_id" IS DISTINCT FROM (NEW."by_id") OR OLD."content_sha256" IS DISTINCT FROM (NEW."content_sha256") OR OLD."draft_id" IS DISTINCT FROM (NEW."draft_id"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="ed4e53f3d1b7712c877c691ad8ab7e2ad9c2baad",
                            operation="UPDATE",
                            pgid="pgtrigger_approval_stays_3bd2b",
                            table="reports_issueapproval",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="issueapproval",
                    trigger=pgtrigger.compiler.Trigger(
                        name="approval_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="778454d94394761ad1475d9917f45bbc9dd06c4d",
                            operation="DELETE",
                            pgid="pgtrigger_approval_stays_never_deleted_fc886",
                            table="reports_issueapproval",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="issueapproval",
                    trigger=pgtrigger.compiler.Trigger(
                        name="withdrawn_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."withdrawn_at" IS NOT NULL)',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="d971d662be5be7ec06a4fda1007a2a136d7ad472",
                            operation="UPDATE",
                            pgid="pgtrigger_withdrawn_stays_547f1",
                            table="reports_issueapproval",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="issuance",
                    trigger=pgtrigger.compiler.Trigger(
                        name="issuance_machine",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{rendering:current,rendering:failed,current:superseded,current:withdrawn}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="ab05b25c20dcf9b9c09b07fa8fd95813af414256",
                            operation="UPDATE",
                            pgid="pgtrigger_issuance_machine_eff8b",
                            table="reports_issuance",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="issuance",
                    trigger=pgtrigger.compiler.Trigger(
                        name="issued_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE made text[] := '{state,job_id,pdf_sha256,certificate,authority,pages,released_at,prepared_sha256,prepared}';",
                            func="\n                IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n                IF TG_OP = 'DELETE' THEN\n                    RAISE EXCEPTION 'What is issued is never deleted'\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF OLD.state <> 'rendering' AND to_jsonb(NEW) - 'state' <> to_jsonb(OLD) - 'state' THEN\n                    RAISE EXCEPTION 'What is issued never changes' USING ERRCODE = 'restrict_violation';\n                END IF;\n                IF to_jsonb(NEW) - made <> to_jsonb(OLD) - made THEN\n                    RAISE EXCEPTION 'The content of an issued report never changes'\n                        USING ERRCODE = 'restrict_violation';\n                END IF;\n                RETURN NEW;\n            ",
                            hash="28b05c4d8cdd84e8b2b78204c60989d9d87222c5",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_issued_stays_51f74",
                            table="reports_issuance",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="issuance",
                    trigger=pgtrigger.compiler.Trigger(
                        name="no_truncate",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'This table is never emptied' USING ERRCODE = 'restrict_violation';",
                            hash="4b81e7874d4b9265ea4caa862f336de385d7fc27",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_no_truncate_9cd70",
                            table="reports_issuance",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="issuance",
                    trigger=pgtrigger.compiler.Trigger(
                        name="dates_in_order",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE e engagements_engagement%ROWTYPE; ends date; assertion date; representation date; inquiry date; amended date; today date; first_test timestamptz; review timestamptz; evidence timestamptz; quality timestamptz; broken text;",
                            func="\n    SELECT * INTO e FROM engagements_engagement WHERE id = NEW.engagement_id;\n    ends := COALESCE(e.as_of, e.period_end);\n    SELECT min(at) INTO first_test FROM fieldwork_itemresult WHERE engagement_id = e.id;\n    SELECT max(at) INTO review FROM fieldwork_signoff\n        WHERE engagement_id = e.id AND voided_at IS NULL AND step <> 'prepared';\n    SELECT max(file.uploaded_at) INTO evidence FROM fieldwork_evidencecitation cited\n        JOIN evidence_evidencefile file ON file.id = cited.file_id WHERE cited.engagement_id = e.id;\n    SELECT max(at) INTO quality FROM reports_qualityreview WHERE engagement_id = e.id;\n    SELECT stated_on INTO assertion FROM reports_managementstatement\n        WHERE engagement_id = e.id AND superseded_at IS NULL AND kind = 'assertion';\n    SELECT stated_on INTO representation FROM reports_managementstatement\n        WHERE engagement_id = e.id AND superseded_at IS NULL AND kind = 'representation';\n    SELECT stated_on INTO inquiry FROM reports_managementstatement\n        WHERE engagement_id = e.id AND superseded_at IS NULL AND kind = 'subsequent_events';\n    SELECT max(\"on\") INTO amended FROM engagements_letteramendment WHERE engagement_id = e.id;\n    today := (clock_timestamp() AT TIME ZONE 'UTC')::date;\n    broken := CASE\n        WHEN NEW.state NOT IN ('rendering', 'current') THEN NULL\n        WHEN e.accepted_on > e.letter_on OR (first_test AT TIME ZONE 'UTC')::date < e.letter_on THEN 'R47'\n        WHEN amended < e.letter_on OR amended > NEW.report_date THEN 'R15'\n        WHEN NEW.report_date <> e.report_date OR NEW.report_date < ends\n            OR (e.type = '2' AND NEW.report_date = ends) THEN 'R48'\n        WHEN assertion > NEW.report_date OR assertion < ends OR (e.type = '2' AND assertion = ends) THEN 'R49'\n        WHEN representation <> NEW.report_date THEN 'R50'\n        WHEN (review AT TIME ZONE 'UTC')::date > NEW.report_date\n            OR (evidence AT TIME ZONE 'UTC')::date > NEW.report_date THEN 'R51'\n        WHEN inquiry > NEW.report_date OR inquiry < NEW.report_date - 5 THEN 'R52'\n        WHEN quality > clock_timestamp() OR quality > NEW.released_at THEN 'R53'\n        WHEN NEW.report_date > today OR NEW.report_date > (NEW.released_at AT TIME ZONE 'UTC')::date THEN 'R54'\n    END;\n    IF broken IS NOT NULL THEN\n        RAISE EXCEPTION 'The dates of this engagement are not in order (%)', broken\n            USING ERRCODE = 'check_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="526a1a5ccfbeeffbd0490f4cecedf9e189449f67",
                            operation="INSERT OR UPDATE",
                            pgid="pgtrigger_dates_in_order_cf09d",
                            table="reports_issuance",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="clientreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="44eeea4997dfbfb351914392d04554be8587c2e2",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_42d84",
                            table="reports_clientreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="clientreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="865d9d0f3bdf9f5d54d2145ab9bbcd3dae687242",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_0feb0",
                            table="reports_clientreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="clientreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="1fd06019e7c6da22a07f3a4a02e5982264855c9d",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_14431",
                            table="reports_clientreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reportcomment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="63c401adb4bef1504dd0c6d0d05ab389a791df46",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_4a3c8",
                            table="reports_reportcomment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reportcomment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="36b113e9c0da2a59a94886dea06deb9cf18ac44d",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_a17f3",
                            table="reports_reportcomment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reportcomment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="said_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."at" IS DISTINCT FROM (NEW."at") OR OLD."by_id" IS DISTINCT FROM (NEW."by_id") OR OLD."draft_id" IS DISTINCT FROM (NEW."draft_id") OR OLD."internal" IS DISTINCT FROM (NEW."internal") OR OLD."of_firm" IS DISTINCT FROM (NEW."of_firm") OR OLD."place" IS DISTINCT FROM (NEW."place") OR OLD."text" IS DISTINCT FROM (NEW."text"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="97b10eecaecf58ce332e820c97b3ba41ed7a5540",
                            operation="UPDATE",
                            pgid="pgtrigger_said_stays_8eece",
                            table="reports_reportcomment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reportcomment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="said_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="48b5d5d040661c08cf72395b3b93042c2a00a221",
                            operation="DELETE",
                            pgid="pgtrigger_said_stays_never_deleted_609ec",
                            table="reports_reportcomment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="systemdescription",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="a92db039f759e8fa9c719008e269bb3f92c3d56e",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_5d54f",
                            table="reports_systemdescription",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="systemdescription",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="cdd26c0d105b0151930d254e45be60d4a8567d27",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_5ea0e",
                            table="reports_systemdescription",
                            when="BEFORE",
                        ),
                    ),
                ),
            ],
        ),
    ]
