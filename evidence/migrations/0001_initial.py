import uuid

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
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
        ("engagements", "0001_initial"),
    ]

    operations = [
        audit.migrating.AtOnce(
            operations=[
                migrations.CreateModel(
                    name="EvidenceFile",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("code", models.CharField(max_length=12)),
                        ("name", models.CharField(max_length=255)),
                        ("size", models.BigIntegerField()),
                        ("sha256", models.CharField(max_length=64)),
                        ("kind", models.CharField(max_length=8)),
                        ("content_type", models.CharField(max_length=120)),
                        ("version", models.PositiveSmallIntegerField(default=1)),
                        (
                            "rows",
                            models.PositiveIntegerField(blank=True, null=True, verbose_name="rows of a listing"),
                        ),
                        (
                            "speaks_from",
                            models.DateField(blank=True, null=True, verbose_name="speaks of the time from"),
                        ),
                        (
                            "speaks_to",
                            models.DateField(blank=True, null=True, verbose_name="speaks of the time to"),
                        ),
                        (
                            "obtained_by_auditor",
                            models.BooleanField(default=False, verbose_name="obtained by the auditor"),
                        ),
                        (
                            "findings",
                            models.JSONField(blank=True, default=list, verbose_name="what the linter noted"),
                        ),
                        ("uploaded_at", models.DateTimeField(auto_now_add=True)),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "replaces",
                            models.OneToOneField(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="replaced_by",
                                to="evidence.evidencefile",
                            ),
                        ),
                        (
                            "uploaded_by",
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
                    name="AlsoAnswers",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                        (
                            "file",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="further",
                                to="evidence.evidencefile",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="EvidenceRequest",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("code", models.CharField(max_length=12)),
                        ("title", models.CharField(max_length=200)),
                        ("detail", models.TextField(blank=True, verbose_name="what is needed")),
                        ("covers_from", models.DateField(blank=True, null=True, verbose_name="for the days from")),
                        ("covers_to", models.DateField(blank=True, null=True, verbose_name="for the days to")),
                        ("due", models.DateField()),
                        (
                            "priority",
                            models.CharField(
                                choices=[("normal", "Normal"), ("high", "High")], default="normal", max_length=6
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("draft", "Draft"),
                                    ("open", "Open"),
                                    ("in_progress", "In progress"),
                                    ("submitted", "Submitted"),
                                    ("returned", "Returned"),
                                    ("accepted", "Accepted"),
                                    ("closed", "Closed"),
                                    ("cancelled", "Cancelled"),
                                ],
                                default="draft",
                                max_length=11,
                            ),
                        ),
                        ("return_reason", models.TextField(blank=True)),
                        ("cancel_reason", models.TextField(blank=True)),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("opened_at", models.DateTimeField(blank=True, null=True)),
                        ("submitted_at", models.DateTimeField(blank=True, null=True)),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "assigned_to",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "created_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
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
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "reviewer",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                                verbose_name="looked at by",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["code"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="FilePolicy",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("largest_mb", models.PositiveIntegerField(verbose_name="largest file in MB")),
                        ("quota_gb", models.PositiveIntegerField(verbose_name="all files together in GB")),
                        (
                            "hold_unscanned",
                            models.BooleanField(
                                verbose_name="only the uploader opens a file before it was scanned"
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
                migrations.CreateModel(
                    name="MailChoice",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "daily",
                            models.BooleanField(
                                default=True, verbose_name="one mail a day, when something has happened"
                            ),
                        ),
                        (
                            "urgent",
                            models.BooleanField(
                                default=True, verbose_name="a mail at once when something cannot wait"
                            ),
                        ),
                        ("time_zone", models.CharField(blank=True, max_length=60)),
                        (
                            "user",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="mail_choice",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Population",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("code", models.CharField(max_length=12)),
                        ("version", models.PositiveSmallIntegerField(default=1)),
                        ("name", models.CharField(max_length=200)),
                        ("sha256", models.CharField(max_length=64, verbose_name="hash of the listing")),
                        ("columns", models.JSONField(default=list)),
                        ("key_column", models.CharField(max_length=200)),
                        ("date_column", models.CharField(blank=True, max_length=200)),
                        (
                            "date_order",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("ymd", "Year first, or months by name"),
                                    ("mdy", "Month, day, year"),
                                    ("dmy", "Day, month, year"),
                                ],
                                max_length=3,
                                verbose_name="order of day and month",
                            ),
                        ),
                        ("sheet", models.CharField(blank=True, max_length=120)),
                        ("encoding", models.CharField(blank=True, max_length=10)),
                        ("row_count", models.PositiveIntegerField(verbose_name="rows in the file")),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("provided", "To be accepted"),
                                    ("accepted", "Accepted"),
                                    ("refused", "Refused"),
                                    ("superseded", "Superseded"),
                                ],
                                default="provided",
                                max_length=10,
                            ),
                        ),
                        (
                            "ipe_type",
                            models.CharField(
                                choices=[
                                    ("standard_report", "Standard report"),
                                    ("custom_report", "Custom report"),
                                    ("query", "Query"),
                                    ("manual_list", "Manual list"),
                                    ("screenshot", "Screenshot"),
                                ],
                                max_length=16,
                                verbose_name="kind of information",
                            ),
                        ),
                        ("source_system", models.CharField(max_length=120)),
                        ("environment", models.CharField(blank=True, max_length=60)),
                        ("query", models.TextField(verbose_name="report name or query")),
                        ("parameters", models.TextField(blank=True, verbose_name="parameters and filters")),
                        ("run_by", models.CharField(max_length=120, verbose_name="run by")),
                        ("run_at", models.DateTimeField(verbose_name="run at (UTC)")),
                        ("observed", models.BooleanField(default=False, verbose_name="the auditor watched it run")),
                        (
                            "system_row_count",
                            models.PositiveIntegerField(verbose_name="rows according to the system"),
                        ),
                        ("covers_from", models.DateField()),
                        ("covers_to", models.DateField()),
                        ("reconciliation", models.TextField(blank=True, verbose_name="reconciled with")),
                        (
                            "reconciled_row_count",
                            models.PositiveIntegerField(
                                blank=True, null=True, verbose_name="rows in the second source"
                            ),
                        ),
                        (
                            "difference_explained",
                            models.TextField(blank=True, verbose_name="explanation of differences or gaps"),
                        ),
                        (
                            "precision_adequate",
                            models.BooleanField(blank=True, null=True, verbose_name="precise enough for the test"),
                        ),
                        (
                            "conclusion",
                            models.TextField(blank=True, verbose_name="conclusion on completeness and accuracy"),
                        ),
                        ("refusal", models.TextField(blank=True, verbose_name="reason of the refusal")),
                        ("provided_at", models.DateTimeField(auto_now_add=True)),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "continues",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="continued_by",
                                to="evidence.population",
                            ),
                        ),
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
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "file",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="populations",
                                to="evidence.evidencefile",
                            ),
                        ),
                        (
                            "provided_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "replaces",
                            models.OneToOneField(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="replaced_by",
                                to="evidence.population",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["code", "-version"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="PopulationControl",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "control",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="population_links",
                                to="engagements.control",
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
                            "population",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="control_links",
                                to="evidence.population",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="PopulationProof",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                        (
                            "file",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="proves",
                                to="evidence.evidencefile",
                            ),
                        ),
                        (
                            "population",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="proofs",
                                to="evidence.population",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Reconciliation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("code", models.CharField(max_length=12)),
                        ("version", models.PositiveSmallIntegerField(default=1)),
                        ("title", models.CharField(max_length=200)),
                        ("pattern", models.CharField(blank=True, max_length=30)),
                        ("keys", models.JSONField(default=list)),
                        ("compared", models.JSONField(default=list)),
                        ("alike", models.JSONField(default=list)),
                        ("each_once", models.BooleanField(default=True, verbose_name="each key stands once")),
                        (
                            "one_way",
                            models.BooleanField(default=False, verbose_name="only the first must be in the second"),
                        ),
                        ("matched", models.PositiveIntegerField(default=0, verbose_name="keys in both, all equal")),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("draft", "To be matched"),
                                    ("open", "To be explained"),
                                    ("concluded", "Concluded"),
                                    ("superseded", "Superseded"),
                                ],
                                default="draft",
                                max_length=10,
                            ),
                        ),
                        ("conclusion", models.TextField(blank=True)),
                        ("begun_at", models.DateTimeField(auto_now_add=True)),
                        ("concluded_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "begun_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "concluded_by",
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
                        (
                            "file",
                            models.OneToOneField(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reconciliation",
                                to="evidence.evidencefile",
                            ),
                        ),
                        (
                            "replaces",
                            models.OneToOneField(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="replaced_by",
                                to="evidence.reconciliation",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["code", "-version"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ReconciledListing",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("place", models.PositiveSmallIntegerField()),
                        ("label", models.CharField(max_length=120)),
                        ("sheet", models.CharField(blank=True, max_length=120)),
                        ("encoding", models.CharField(blank=True, max_length=10)),
                        ("sha256", models.CharField(max_length=64, verbose_name="hash of the listing")),
                        ("columns", models.JSONField(default=list)),
                        ("row_count", models.PositiveIntegerField()),
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
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reconciled",
                                to="evidence.evidencefile",
                            ),
                        ),
                        (
                            "population",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reconciled",
                                to="evidence.population",
                            ),
                        ),
                        (
                            "reconciliation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="listings",
                                to="evidence.reconciliation",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["place"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ListingDifference",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("position", models.PositiveIntegerField()),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("only_first", "Only in the first"),
                                    ("only_second", "Only in the second"),
                                    ("unequal", "Unequal"),
                                    ("repeated", "More than once"),
                                    ("no_key", "Without a key"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("key", models.TextField(blank=True)),
                        ("first_row", models.PositiveIntegerField(blank=True, null=True)),
                        ("second_row", models.PositiveIntegerField(blank=True, null=True)),
                        ("first", models.JSONField(default=dict)),
                        ("second", models.JSONField(default=dict)),
                        ("unequal", models.JSONField(default=list)),
                        (
                            "cause",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("timing", "Timing: the listings are of different moments"),
                                    ("scope", "Outside of what the listing has to hold"),
                                    ("source", "Known to one source only, such as contractors or service accounts"),
                                    ("spelling", "Written differently, the same in fact"),
                                    ("finding", "Possible exception: followed up in the test of the control"),
                                    ("wrong", "The listing is wrong or incomplete: it has to be listed again"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("explanation", models.TextField(blank=True)),
                        ("explained_at", models.DateTimeField(blank=True, null=True)),
                        ("carried", models.BooleanField(default=False)),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "evidence",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="explains",
                                to="evidence.evidencefile",
                            ),
                        ),
                        (
                            "explained_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "reconciliation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="differences",
                                to="evidence.reconciliation",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["position"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="RequestComment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("internal", models.BooleanField(default=False, verbose_name="only for the firm")),
                        ("text", models.TextField()),
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
                            "request",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="comments",
                                to="evidence.evidencerequest",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Mention",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("done_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "comment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="mentions",
                                to="evidence.requestcomment",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="RequestControl",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "control",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="request_links",
                                to="engagements.control",
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
                            "request",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="control_links",
                                to="evidence.evidencerequest",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="RequestList",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=120)),
                        ("version", models.PositiveIntegerField(default=1)),
                        ("lines", models.JSONField(default=list)),
                        ("current", models.BooleanField(default=True)),
                        ("written_at", models.DateTimeField(auto_now_add=True)),
                        (
                            "firm",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="request_lists",
                                to="accounts.firm",
                            ),
                        ),
                        (
                            "replaces",
                            models.OneToOneField(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="replaced_by",
                                to="evidence.requestlist",
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
                        "ordering": ["name", "-version"],
                    },
                ),
                migrations.CreateModel(
                    name="Upload",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("token", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                        ("to_be_matched", models.BooleanField(default=False)),
                        ("name", models.CharField(max_length=255)),
                        ("size", models.BigIntegerField()),
                        ("speaks_from", models.DateField(null=True)),
                        ("speaks_to", models.DateField(null=True)),
                        ("obtained_by_auditor", models.BooleanField(default=False)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("receiving", "Arriving"),
                                    ("checking", "Being checked"),
                                    ("held", "To be matched"),
                                    ("done", "Received"),
                                    ("refused", "Refused"),
                                ],
                                default="receiving",
                                max_length=9,
                            ),
                        ),
                        ("found", models.JSONField(default=dict)),
                        ("problems", models.JSONField(default=list)),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("expires_at", models.DateTimeField()),
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
                            "file",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.evidencefile",
                            ),
                        ),
                        (
                            "replaces",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.evidencefile",
                            ),
                        ),
                        (
                            "request",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.evidencerequest",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="CalendarFeed",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("token_hash", models.CharField(max_length=64, unique=True)),
                        ("made_at", models.DateTimeField(auto_now_add=True)),
                        ("read_on", models.DateField(blank=True, null=True, verbose_name="last read on")),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="calendar_feeds",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-pk"],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("ended_at__isnull", True)),
                                fields=("user",),
                                name="calendar_feed_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Digest",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("day", models.DateField()),
                        ("since", models.DateTimeField()),
                        ("until", models.DateTimeField()),
                        ("things", models.PositiveIntegerField(blank=True, null=True)),
                        ("sent_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="digests",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-day", "pk"],
                        "constraints": [models.UniqueConstraint(fields=("user", "day"), name="digest_once_a_day")],
                    },
                ),
                migrations.CreateModel(
                    name="FileCheck",
                    fields=[
                        (
                            "file",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="checked",
                                serialize=False,
                                to="evidence.evidencefile",
                            ),
                        ),
                        (
                            "scan",
                            models.CharField(
                                choices=[
                                    ("unscanned", "Not scanned"),
                                    ("clean", "Clean"),
                                    ("quarantined", "Quarantined"),
                                ],
                                default="unscanned",
                                max_length=11,
                            ),
                        ),
                        ("note", models.CharField(blank=True, max_length=200)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("scanned_at", models.DateTimeField(null=True)),
                        ("verified_at", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "altered",
                            models.CharField(
                                blank=True, max_length=200, verbose_name="what is wrong with the stored bytes"
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["verified_at"], name="file_verified")],
                    },
                ),
                migrations.CreateModel(
                    name="FileReading",
                    fields=[
                        (
                            "file",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="reading",
                                serialize=False,
                                to="evidence.evidencefile",
                            ),
                        ),
                        ("text", models.TextField(blank=True)),
                        (
                            "words",
                            models.GeneratedField(
                                db_persist=True,
                                expression=django.contrib.postgres.search.SearchVector(
                                    models.Func(
                                        models.F("text"),
                                        models.Value("[^[:alnum:]]+"),
                                        models.Value(" "),
                                        models.Value("g"),
                                        function="regexp_replace",
                                        output_field=models.TextField(),
                                    ),
                                    config="english",
                                ),
                                output_field=django.contrib.postgres.search.SearchVectorField(),
                            ),
                        ),
                        ("preview", models.JSONField(default=dict)),
                        ("read_at", models.DateTimeField(default=django.utils.timezone.now)),
                    ],
                    options={
                        "indexes": [django.contrib.postgres.indexes.GinIndex(fields=["words"], name="file_words")],
                    },
                ),
            ],
        ),
        audit.migrating.AtOnce(
            operations=[
                migrations.AddField(
                    model_name="evidencefile",
                    name="also_answers",
                    field=models.ManyToManyField(
                        related_name="also_files", through="evidence.AlsoAnswers", to="evidence.evidencerequest"
                    ),
                ),
                migrations.AddField(
                    model_name="evidencefile",
                    name="request",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="files",
                        to="evidence.evidencerequest",
                    ),
                ),
                migrations.AddField(
                    model_name="alsoanswers",
                    name="request",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="further",
                        to="evidence.evidencerequest",
                    ),
                ),
                migrations.AddField(
                    model_name="population",
                    name="controls",
                    field=models.ManyToManyField(
                        related_name="populations", through="evidence.PopulationControl", to="engagements.control"
                    ),
                ),
                migrations.AddField(
                    model_name="evidencerequest",
                    name="controls",
                    field=models.ManyToManyField(
                        related_name="requests", through="evidence.RequestControl", to="engagements.control"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="evidencefile",
                    constraint=models.UniqueConstraint(fields=("engagement", "code"), name="evidence_code_once"),
                ),
                migrations.AddConstraint(
                    model_name="evidencefile",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("size__gt", 0)), name="evidence_not_empty"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="evidencefile",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("speaks_from__isnull", True),
                            ("speaks_to__isnull", True),
                            ("speaks_from__lte", models.F("speaks_to")),
                            _connector="OR",
                        ),
                        name="evidence_dates_in_order",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="alsoanswers",
                    constraint=models.UniqueConstraint(fields=("file", "request"), name="file_answers_once"),
                ),
                migrations.AddConstraint(
                    model_name="filepolicy",
                    constraint=models.UniqueConstraint(fields=("engagement",), name="file_policy_once"),
                ),
                migrations.AddConstraint(
                    model_name="filepolicy",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("largest_mb__gt", 0), ("quota_gb__gt", 0)),
                        name="file_policy_takes_files",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="populationcontrol",
                    constraint=models.UniqueConstraint(
                        fields=("population", "control"), name="population_control_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="population",
                    constraint=models.UniqueConstraint(
                        fields=("engagement", "code", "version"), name="population_version_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="population",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("covers_from__lte", models.F("covers_to"))),
                        name="population_dates_in_order",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="population",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "accepted"), _negated=True),
                            models.Q(("precision_adequate", True), models.Q(("conclusion", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="population_accepted_with_conclusion",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="population",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "refused"), _negated=True),
                            models.Q(("refusal", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="population_refused_with_reason",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="populationproof",
                    constraint=models.UniqueConstraint(fields=("population", "file"), name="population_proof_once"),
                ),
                migrations.AddConstraint(
                    model_name="reconciliation",
                    constraint=models.UniqueConstraint(
                        fields=("engagement", "code", "version"), name="reconciliation_version_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="reconciliation",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "concluded"), _negated=True),
                            models.Q(
                                models.Q(("conclusion", ""), _negated=True),
                                ("file__isnull", False),
                                ("concluded_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="reconciliation_concluded_whole",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="reconciledlisting",
                    constraint=models.UniqueConstraint(
                        fields=("reconciliation", "place"), name="reconciled_listing_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="reconciledlisting",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("place__in", [1, 2])), name="reconciled_listing_is_of_two"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="listingdifference",
                    constraint=models.UniqueConstraint(
                        fields=("reconciliation", "position"), name="difference_position_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="listingdifference",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("cause", ""),
                            models.Q(models.Q(("explanation", ""), _negated=True), ("explained_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="difference_explained_in_words",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="requestcomment",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="comment_says_something"
                    ),
                ),
                migrations.AddIndex(
                    model_name="mention",
                    index=models.Index(
                        condition=models.Q(("done_at__isnull", True)), fields=["user"], name="mention_waiting"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="mention",
                    constraint=models.UniqueConstraint(fields=("comment", "user"), name="mention_once"),
                ),
                migrations.AddConstraint(
                    model_name="requestcontrol",
                    constraint=models.UniqueConstraint(fields=("request", "control"), name="request_control_once"),
                ),
                migrations.AddConstraint(
                    model_name="evidencerequest",
                    constraint=models.UniqueConstraint(fields=("engagement", "code"), name="request_code_once"),
                ),
                migrations.AddConstraint(
                    model_name="evidencerequest",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "returned"), _negated=True),
                            models.Q(("return_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="request_returned_with_reason",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="evidencerequest",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "cancelled"), _negated=True),
                            models.Q(("cancel_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="request_cancelled_with_reason",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="evidencerequest",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("covers_from__isnull", True),
                            ("covers_to__isnull", True),
                            ("covers_from__lte", models.F("covers_to")),
                            _connector="OR",
                        ),
                        name="request_dates_in_order",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="requestlist",
                    constraint=models.UniqueConstraint(
                        models.F("firm"),
                        django.db.models.functions.text.Lower("name"),
                        condition=models.Q(("current", True)),
                        name="request_list_name_once",
                    ),
                ),
                migrations.AddIndex(
                    model_name="upload",
                    index=models.Index(fields=["expires_at"], name="upload_expiry"),
                ),
                migrations.AddConstraint(
                    model_name="upload",
                    constraint=models.CheckConstraint(condition=models.Q(("size__gt", 0)), name="upload_not_empty"),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="evidencefile",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="46bd92150bd4d49286c51e872c28fc4b6df74fcc",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_796a3",
                            table="evidence_evidencefile",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="evidencefile",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="223ad0771a4ba29640288759027d4bbcc755267b",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_b40da",
                            table="evidence_evidencefile",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="evidencefile",
                    trigger=pgtrigger.compiler.Trigger(
                        name="received_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."code" IS DISTINCT FROM (NEW."code") OR OLD."engagement_id" IS DISTINCT FROM (NEW."engagement_id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."sha256" IS DISTINCT FROM (NEW."sha256") OR OLD."size" IS DISTINCT FROM (NEW."size") OR OLD."uploaded_at" IS DISTINCT FROM (NEW."uploaded_at") OR OLD."uploaded_by_id" IS DISTINCT FROM (NEW."uploaded_by_id") OR OLD."version" IS DISTINCT FROM (NEW."version"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="45cc6fa2ec32bf067c3802285c193b9688c89cdb",
                            operation="UPDATE",
                            pgid="pgtrigger_received_stays_a7985",
                            table="evidence_evidencefile",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="evidencefile",
                    trigger=pgtrigger.compiler.Trigger(
                        name="received_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="798391ae8e6ebcc22cb48544a967d132587f1174",
                            operation="DELETE",
                            pgid="pgtrigger_received_stays_never_deleted_711f8",
                            table="evidence_evidencefile",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="alsoanswers",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="2896a1832d98951154206827b3098a77574b381a",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_e4e93",
                            table="evidence_alsoanswers",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="alsoanswers",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="4ea4551f8560f9d553f9fcfc5057e904dc60920d",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_f52cc",
                            table="evidence_alsoanswers",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="filepolicy",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="be2c861dbd9d8aa807273445bc50d9b3e31c689d",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_cf61b",
                            table="evidence_filepolicy",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="filepolicy",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="08e4fec657796ecc6ba47ed9f31d28fea01e6fad",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_0ad92",
                            table="evidence_filepolicy",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="populationcontrol",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="ee16db13f69fbc7c833a325d84dfdde2237502cd",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_18509",
                            table="evidence_populationcontrol",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="populationcontrol",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="2a193c1c94b0e3df64d55b115a6e93a1ece2f8c4",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_dc43e",
                            table="evidence_populationcontrol",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="population",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="a5ef370d51eb2d60ed7268aaf4b017b021039b63",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_6e557",
                            table="evidence_population",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="population",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="58912d77b9c3da54177e7ffb1c2a83ceb65aedc2",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_fbe0e",
                            table="evidence_population",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="population",
                    trigger=pgtrigger.compiler.Trigger(
                        name="population_machine",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{provided:accepted,provided:refused,provided:superseded,refused:superseded,accepted:superseded}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="72d6686c4f208de358346bf19c443267d0d57414",
                            operation="UPDATE",
                            pgid="pgtrigger_population_machine_1f91a",
                            table="evidence_population",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="population",
                    trigger=pgtrigger.compiler.Trigger(
                        name="accepted_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            IF OLD.state IN ('accepted', 'superseded') AND (\n                TG_OP = 'DELETE' OR to_jsonb(NEW) - 'state' <> to_jsonb(OLD) - 'state') THEN\n                RAISE EXCEPTION 'The population is accepted: a changed listing is a new version' USING ERRCODE = 'restrict_violation';\n            END IF;\n            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\n            RETURN NEW;\n        ",
                            hash="9c6d9b00e8ae926d8e54d3df94c398c0aae59ab0",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_accepted_stays_c96b9",
                            table="evidence_population",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="populationproof",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="a5d9f10cd445f7e18d2cc213cd95aeb4848e7cd8",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_e1e34",
                            table="evidence_populationproof",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="populationproof",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="3a596b13a5737a586254638e4992916134dcc355",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_c5679",
                            table="evidence_populationproof",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="populationproof",
                    trigger=pgtrigger.compiler.Trigger(
                        name="accepted_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n    IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n    IF TG_OP <> 'INSERT' THEN\n        IF EXISTS (SELECT 1 FROM evidence_population WHERE id = OLD.population_id AND state IN ('accepted', 'superseded')) THEN\n            RAISE EXCEPTION 'The population is accepted: a changed listing is a new version' USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\n    IF EXISTS (SELECT 1 FROM evidence_population WHERE id = NEW.population_id AND state IN ('accepted', 'superseded')) THEN\n        RAISE EXCEPTION 'The population is accepted: a changed listing is a new version' USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="c268bef718f7f271bae8ce3387f2e35c1ba88f57",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_accepted_stays_a2f6a",
                            table="evidence_populationproof",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reconciliation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="8bd013cc1f2508bd5a661759843543b73300dc4e",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_735dd",
                            table="evidence_reconciliation",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reconciliation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="fde02c0e2bbb5be0dd3f61d79e502ee3e5b241e6",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_4354a",
                            table="evidence_reconciliation",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reconciliation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="reconciliation_machine",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{draft:open,draft:superseded,open:concluded,open:superseded,concluded:superseded}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="f28d2db5a8ff1e92aafc036da569662affad21e0",
                            operation="UPDATE",
                            pgid="pgtrigger_reconciliation_machine_60475",
                            table="evidence_reconciliation",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reconciliation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="concluded_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            IF OLD.state IN ('concluded', 'superseded') AND (\n                TG_OP = 'DELETE' OR to_jsonb(NEW) - 'state' <> to_jsonb(OLD) - 'state') THEN\n                RAISE EXCEPTION 'The reconciliation is concluded: it is redone as a new version' USING ERRCODE = 'restrict_violation';\n            END IF;\n            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\n            RETURN NEW;\n        ",
                            hash="50f51ae9c912784146eb031b169bc046e18eaf6a",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_concluded_stays_ab092",
                            table="evidence_reconciliation",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reconciledlisting",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="784de0887a35a3f4710b548284aad9f63b05ff0e",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_f8528",
                            table="evidence_reconciledlisting",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reconciledlisting",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="f003cfdec310ef0148cac85d2ae945a43e889963",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_51936",
                            table="evidence_reconciledlisting",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reconciledlisting",
                    trigger=pgtrigger.compiler.Trigger(
                        name="concluded_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n    IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n    IF TG_OP <> 'INSERT' THEN\n        IF EXISTS (SELECT 1 FROM evidence_reconciliation WHERE id = OLD.reconciliation_id AND state IN ('concluded', 'superseded')) THEN\n            RAISE EXCEPTION 'The reconciliation is concluded: it is redone as a new version' USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\n    IF EXISTS (SELECT 1 FROM evidence_reconciliation WHERE id = NEW.reconciliation_id AND state IN ('concluded', 'superseded')) THEN\n        RAISE EXCEPTION 'The reconciliation is concluded: it is redone as a new version' USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="4c01142b84115d8b87da017f6ff172368de72f05",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_concluded_stays_850fb",
                            table="evidence_reconciledlisting",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="listingdifference",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="462b10ad4e68a8ea92cf21598f2088ad60a6d3b7",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_1f218",
                            table="evidence_listingdifference",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="listingdifference",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="c102865e8f4dc1b913e7983719bae48178047d38",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_e39a2",
                            table="evidence_listingdifference",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="listingdifference",
                    trigger=pgtrigger.compiler.Trigger(
                        name="concluded_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n    IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n    IF TG_OP <> 'INSERT' THEN\n        IF EXISTS (SELECT 1 FROM evidence_reconciliation WHERE id = OLD.reconciliation_id AND state IN ('concluded', 'superseded')) THEN\n            RAISE EXCEPTION 'The reconciliation is concluded: it is redone as a new version' USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\n    IF EXISTS (SELECT 1 FROM evidence_reconciliation WHERE id = NEW.reconciliation_id AND state IN ('concluded', 'superseded')) THEN\n        RAISE EXCEPTION 'The reconciliation is concluded: it is redone as a new version' USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="129d60fbd510eed64384ea231371505572b57572",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_concluded_stays_47a38",
                            table="evidence_listingdifference",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="requestcomment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="c878bd9cbe1bf606b98837e94697c7e616f1ff56",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_494c1",
                            table="evidence_requestcomment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="requestcomment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="d0c65754c14e5ab01ead1b23bb48340b607e7c64",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_b4436",
                            table="evidence_requestcomment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="requestcomment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="d8bd6538c5d1be8a5721d66ad5e556ac24b5ae40",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_4dd8a",
                            table="evidence_requestcomment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="mention",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="437aca7e18a2a4ca8a8ae2870cf248871fa4fee6",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_d36f4",
                            table="evidence_mention",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="mention",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="005ae5d80b4dd0031d2a85f35c652f6e90bb146a",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_779cc",
                            table="evidence_mention",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="requestcontrol",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="2c5f0d3462311a2cdfb6d1459efac73c085312ba",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_cedcb",
                            table="evidence_requestcontrol",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="requestcontrol",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="0abfeb5c7f16c46ce9a6c9ca289e74488cc883b1",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_35a0e",
                            table="evidence_requestcontrol",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="evidencerequest",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="9944978e0e5a2be6805c91b2b805a0bf06a6dbbd",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_fd757",
                            table="evidence_evidencerequest",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="evidencerequest",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="d6a8954a95d6808afd979102d6b339c8d6ad54f8",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_3cc67",
                            table="evidence_evidencerequest",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="evidencerequest",
                    trigger=pgtrigger.compiler.Trigger(
                        name="request_machine",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{draft:open,open:in_progress,open:submitted,in_progress:submitted,submitted:returned,submitted:accepted,returned:submitted,accepted:returned,accepted:closed,closed:accepted,draft:cancelled,open:cancelled,in_progress:cancelled,submitted:cancelled,returned:cancelled,cancelled:draft,cancelled:open}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="3f3ec2432366978ef31395956d6de37952e353cc",
                            operation="UPDATE",
                            pgid="pgtrigger_request_machine_1119a",
                            table="evidence_evidencerequest",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="requestlist",
                    trigger=pgtrigger.compiler.Trigger(
                        name="versions_stay",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."firm_id" IS DISTINCT FROM (NEW."firm_id") OR OLD."lines" IS DISTINCT FROM (NEW."lines") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."replaces_id" IS DISTINCT FROM (NEW."replaces_id") OR OLD."version" IS DISTINCT FROM (NEW."version") OR OLD."written_by_id" IS DISTINCT FROM (NEW."written_by_id"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="8170bcc2dfd88ce3062ab753a50226211f6acded",
                            operation="UPDATE",
                            pgid="pgtrigger_versions_stay_3068b",
                            table="evidence_requestlist",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="requestlist",
                    trigger=pgtrigger.compiler.Trigger(
                        name="versions_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="3be824c706312ad579523c01bcea2318c8427b59",
                            operation="DELETE",
                            pgid="pgtrigger_versions_never_deleted_13d05",
                            table="evidence_requestlist",
                            when="BEFORE",
                        ),
                    ),
                ),
            ],
        ),
    ]
