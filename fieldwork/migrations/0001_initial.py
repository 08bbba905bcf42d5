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
    ]

    operations = [
        audit.migrating.AtOnce(
            operations=[
                migrations.CreateModel(
                    name="ControlTest",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField(default=1)),
                        (
                            "phase",
                            models.CharField(
                                choices=[
                                    ("design", "Design and implementation"),
                                    ("operating", "Operating effectiveness"),
                                ],
                                max_length=10,
                            ),
                        ),
                        (
                            "kinds",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(
                                    choices=[
                                        ("inquiry", "Inquiry"),
                                        ("inspection", "Inspection"),
                                        ("observation", "Observation"),
                                        ("reperformance", "Reperformance"),
                                    ],
                                    max_length=16,
                                ),
                                size=None,
                            ),
                        ),
                        ("procedure", models.TextField(verbose_name="what is done, as the report will say it")),
                        (
                            "inquired_of",
                            models.CharField(
                                blank=True, max_length=200, verbose_name="inquired of or observed with"
                            ),
                        ),
                        (
                            "result",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("", "No result yet"),
                                    ("no_exceptions", "No exceptions noted"),
                                    ("exceptions", "Exceptions noted"),
                                    ("did_not_operate", "Did not operate in the period"),
                                    ("not_tested", "Not tested"),
                                ],
                                default="",
                                max_length=16,
                            ),
                        ),
                        ("conclusion", models.TextField(blank=True, verbose_name="conclusion")),
                        ("concluded_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "origin",
                            models.CharField(
                                blank=True, max_length=200, verbose_name="where the programme is from"
                            ),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
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
                            "control",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="tests",
                                to="engagements.control",
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
                            "empty_population",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="evidence.population",
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
                        "ordering": ["control__number", "number"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Deviation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("code", models.CharField(max_length=12)),
                        ("title", models.CharField(max_length=200)),
                        ("description", models.TextField(verbose_name="what was found, as the report will say it")),
                        ("expected_occurrences", models.PositiveIntegerField(blank=True, null=True)),
                        ("missing_occurrences", models.PositiveIntegerField(blank=True, null=True)),
                        ("cause", models.TextField(blank=True)),
                        (
                            "type",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("isolated", "Isolated"),
                                    ("systematic", "Systematic"),
                                    ("intentional", "Intentional"),
                                ],
                                max_length=12,
                            ),
                        ),
                        (
                            "markers",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(
                                    choices=[
                                        ("same_cause", "The same root cause came back"),
                                        (
                                            "concentrated",
                                            "Concentrated in one person or system so that it defeats the control's purpose",
                                        ),
                                        ("persistent", "It went on through the period, not in one bounded episode"),
                                        ("design", "The control as designed could not have caught it"),
                                    ],
                                    max_length=12,
                                ),
                                blank=True,
                                default=list,
                                size=None,
                            ),
                        ),
                        ("extent", models.TextField(blank=True, verbose_name="extent")),
                        ("evaluation", models.TextField(blank=True, verbose_name="evaluation")),
                        (
                            "effect",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("control_effective", "Control still operated effectively"),
                                    ("compensated", "Control failed, compensated by another"),
                                    ("criterion_failed", "Criterion not met for the affected part"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("softer_reason", models.TextField(blank=True, verbose_name="why softer than proposed")),
                        ("dismissal_reason", models.TextField(blank=True, verbose_name="why it is no deviation")),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("raised", "Raised"),
                                    ("evaluated", "Evaluated"),
                                    ("concluded", "Concluded"),
                                    ("not_a_deviation", "Not a deviation"),
                                    ("merged", "Merged"),
                                ],
                                default="raised",
                                max_length=16,
                            ),
                        ),
                        (
                            "released_at",
                            models.DateTimeField(blank=True, null=True, verbose_name="released to the client"),
                        ),
                        ("raised_at", models.DateTimeField(auto_now_add=True)),
                        ("evaluated_at", models.DateTimeField(blank=True, null=True)),
                        ("concluded_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "cause_shared_with",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sharing_its_cause",
                                to="fieldwork.deviation",
                            ),
                        ),
                        (
                            "compensating_control",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.control",
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
                            "control",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="deviations",
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
                            "evaluated_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "merged_into",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="merged",
                                to="fieldwork.deviation",
                            ),
                        ),
                        (
                            "raised_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "test",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="deviations",
                                to="fieldwork.controltest",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["code"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="EvidenceCitation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("note", models.CharField(blank=True, max_length=200)),
                        ("cited_at", models.DateTimeField(auto_now_add=True)),
                        (
                            "cited_by",
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
                                related_name="citations",
                                to="evidence.evidencefile",
                            ),
                        ),
                        (
                            "test",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="citations",
                                to="fieldwork.controltest",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Attribute",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("letter", models.CharField(max_length=2)),
                        ("title", models.CharField(max_length=60)),
                        ("pass_rule", models.TextField()),
                        ("evidence_expected", models.TextField(blank=True, verbose_name="evidence expected")),
                        ("origin", models.CharField(blank=True, max_length=200, verbose_name="where it is from")),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "test",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="attributes",
                                to="fieldwork.controltest",
                            ),
                        ),
                        (
                            "usual_citation",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="fieldwork.evidencecitation",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["letter"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="FailedCriterion",
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
                            "deviation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="failed_links",
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
                    ],
                    options={
                        "ordering": ["criterion__position"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ItemResult",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "outcome",
                            models.CharField(
                                choices=[("p", "Pass"), ("d", "Deviation"), ("n", "Not applicable")], max_length=1
                            ),
                        ),
                        ("place", models.CharField(blank=True, max_length=60, verbose_name="page, row or cell")),
                        ("note", models.TextField(blank=True)),
                        ("at", models.DateTimeField()),
                        (
                            "attribute",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="results",
                                to="fieldwork.attribute",
                            ),
                        ),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "citation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="results",
                                to="fieldwork.evidencecitation",
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
                    name="DeviationCell",
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
                                related_name="cell_links",
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
                            "cell",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="deviation_links",
                                to="fieldwork.itemresult",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ManagementResponse",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
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
                            "deviation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="responses",
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
                    ],
                    options={
                        "ordering": ["-pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ProcedureRecord",
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
                                    ("inquiry", "Inquiry"),
                                    ("observation", "Observation"),
                                    ("reperformance", "Reperformance"),
                                ],
                                max_length=16,
                            ),
                        ),
                        ("people", models.CharField(max_length=200, verbose_name="with whom")),
                        ("on", models.DateField(verbose_name="when")),
                        ("what", models.TextField(verbose_name="what was asked, watched or done again")),
                        ("outcome", models.TextField(verbose_name="what came of it")),
                        ("place", models.CharField(blank=True, max_length=60, verbose_name="page, row or cell")),
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
                            "corroborated_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="fieldwork.evidencecitation",
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
                            "test",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="procedures",
                                to="fieldwork.controltest",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["on", "pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Regrouping",
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
                                    ("merged", "Merged"),
                                    ("split", "Split"),
                                    ("joined", "Joined by one cause"),
                                    ("parted", "Parted"),
                                ],
                                max_length=6,
                            ),
                        ),
                        ("cells", models.JSONField(verbose_name="the cells that changed their exception")),
                        ("before", models.JSONField(verbose_name="both as they stood")),
                        ("reason", models.TextField()),
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
                            "source",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="regrouped_from",
                                to="fieldwork.deviation",
                            ),
                        ),
                        (
                            "target",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="regrouped_to",
                                to="fieldwork.deviation",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ReviewNote",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("target", models.CharField(max_length=80)),
                        ("label", models.CharField(blank=True, max_length=120)),
                        ("text", models.TextField()),
                        ("raised_at", models.DateTimeField(auto_now_add=True)),
                        ("answer", models.TextField(blank=True)),
                        ("answered_at", models.DateTimeField(blank=True, null=True)),
                        ("cleared_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "answered_by",
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
                            "raised_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "test",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="notes",
                                to="fieldwork.controltest",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Sample",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "risk",
                            models.CharField(
                                choices=[
                                    ("low", "Low"),
                                    ("normal", "Normal"),
                                    ("high", "High, or deviation in the prior period"),
                                ],
                                default="normal",
                                max_length=6,
                            ),
                        ),
                        (
                            "method",
                            models.CharField(
                                choices=[
                                    ("stratified", "Random, stratified over time"),
                                    ("random", "Random"),
                                    ("systematic", "Systematic"),
                                    ("census", "All items"),
                                    ("targeted", "Targeted, chosen by the auditor"),
                                ],
                                default="stratified",
                                max_length=10,
                            ),
                        ),
                        ("seed", models.CharField(blank=True, max_length=64)),
                        ("population_sha256", models.CharField(max_length=64)),
                        ("proposed_size", models.PositiveIntegerField(default=0)),
                        ("size", models.PositiveIntegerField()),
                        ("proposal_reason", models.TextField(verbose_name="why so many, or why these")),
                        (
                            "expected_deviations",
                            models.PositiveIntegerField(
                                default=0, verbose_name="deviations expected when it was planned"
                            ),
                        ),
                        (
                            "smaller_reason",
                            models.TextField(blank=True, verbose_name="why smaller than the profile"),
                        ),
                        ("drawn_at", models.DateTimeField(auto_now_add=True)),
                        ("voided_at", models.DateTimeField(blank=True, null=True)),
                        ("voided_reason", models.CharField(blank=True, max_length=200)),
                        (
                            "control",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="samples",
                                to="engagements.control",
                            ),
                        ),
                        (
                            "drawn_by",
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
                            "population",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="samples",
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
                    name="SampleExpansion",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField()),
                        ("size", models.PositiveIntegerField(verbose_name="further items")),
                        ("reason", models.TextField(verbose_name="why it is expanded")),
                        ("drawn_at", models.DateTimeField(auto_now_add=True)),
                        (
                            "drawn_by",
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
                            "sample",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="expansions",
                                to="fieldwork.sample",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["number"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="SampleItem",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("position", models.PositiveIntegerField()),
                        ("row", models.PositiveIntegerField(verbose_name="row of the listing, from 1")),
                        ("key", models.CharField(max_length=300)),
                        ("values", models.JSONField()),
                        (
                            "reason",
                            models.CharField(blank=True, max_length=300, verbose_name="why this one was chosen"),
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
                            "expansion",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="items",
                                to="fieldwork.sampleexpansion",
                            ),
                        ),
                        (
                            "sample",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="items",
                                to="fieldwork.sample",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["position"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="SamplingProfile",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("code", models.CharField(max_length=60)),
                        ("version", models.PositiveSmallIntegerField(default=1)),
                        ("name", models.CharField(max_length=120)),
                        ("source", models.CharField(blank=True, max_length=200)),
                        ("sizes", models.JSONField(verbose_name="sizes, as in the shipped file")),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("shipped", "Shipped"),
                                    ("draft", "Draft"),
                                    ("proposed", "To be approved"),
                                    ("approved", "Approved"),
                                    ("retired", "Retired"),
                                ],
                                default="shipped",
                                max_length=10,
                            ),
                        ),
                        ("note", models.TextField(blank=True, verbose_name="what changes and why")),
                        ("written_at", models.DateTimeField(blank=True, null=True)),
                        ("proposed_at", models.DateTimeField(blank=True, null=True)),
                        ("returned_reason", models.TextField(blank=True, verbose_name="why it was returned")),
                        ("approved_at", models.DateTimeField(blank=True, null=True)),
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
                            "based_on",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="fieldwork.samplingprofile",
                            ),
                        ),
                        (
                            "firm",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="sampling_profiles",
                                to="accounts.firm",
                            ),
                        ),
                        (
                            "written_by",
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
                        "ordering": ["code", "-version"],
                    },
                ),
                migrations.CreateModel(
                    name="ScanReport",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "format",
                            models.CharField(
                                choices=[("prowler_csv", "Prowler CSV"), ("ocsf", "OCSF JSON")], max_length=12
                            ),
                        ),
                        ("tool", models.CharField(max_length=60)),
                        ("tool_version", models.CharField(blank=True, max_length=60)),
                        ("ran_from", models.DateTimeField(null=True)),
                        ("ran_to", models.DateTimeField(null=True)),
                        ("read_at", models.DateTimeField(auto_now_add=True)),
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
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="scan_report",
                                to="evidence.evidencefile",
                            ),
                        ),
                        (
                            "read_by",
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
                    name="ScanFinding",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("row", models.PositiveIntegerField(verbose_name="row or place in the file, from 1")),
                        ("check_id", models.CharField(max_length=120)),
                        ("title", models.CharField(blank=True, max_length=300)),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("fail", "Failed"),
                                    ("pass", "Passed"),
                                    ("manual", "To be looked at"),
                                    ("other", "Other"),
                                ],
                                max_length=6,
                            ),
                        ),
                        ("muted", models.BooleanField(default=False)),
                        ("severity", models.CharField(blank=True, max_length=20)),
                        ("service", models.CharField(blank=True, max_length=60)),
                        ("account", models.CharField(blank=True, max_length=120)),
                        ("region", models.CharField(blank=True, max_length=60)),
                        ("resource", models.CharField(blank=True, max_length=300)),
                        ("detail", models.TextField(blank=True)),
                        (
                            "criteria",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=8), default=list, size=None
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
                            "report",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="findings",
                                to="fieldwork.scanreport",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["row"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="SheetItem",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("position", models.PositiveIntegerField()),
                        ("label", models.CharField(max_length=300)),
                        ("note", models.TextField(blank=True)),
                        ("unobtainable", models.TextField(blank=True, verbose_name="why it cannot be obtained")),
                        (
                            "unobtainable_as",
                            models.CharField(
                                blank=True,
                                choices=[("deviation", "A deviation"), ("limitation", "A limitation of the scope")],
                                max_length=10,
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
                            "sample_item",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="test_items",
                                to="fieldwork.sampleitem",
                            ),
                        ),
                        (
                            "test",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="items",
                                to="fieldwork.controltest",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["position"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="SheetChange",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "window",
                            models.CharField(
                                blank=True, max_length=36, verbose_name="the browser window it came from"
                            ),
                        ),
                        ("at", models.DateTimeField(auto_now_add=True)),
                        (
                            "attribute",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="fieldwork.attribute",
                            ),
                        ),
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
                            "test",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="changes",
                                to="fieldwork.controltest",
                            ),
                        ),
                        (
                            "item",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="fieldwork.sheetitem",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="SignOff",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "step",
                            models.CharField(
                                choices=[
                                    ("prepared", "Prepared"),
                                    ("reviewed", "Reviewed"),
                                    ("partner", "Partner"),
                                    ("quality", "Quality review"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("at", models.DateTimeField()),
                        ("content_sha256", models.CharField(max_length=64)),
                        ("content", models.JSONField(default=dict)),
                        ("voided_at", models.DateTimeField(blank=True, null=True)),
                        ("voided_reason", models.CharField(blank=True, max_length=300)),
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
                            "test",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sign_offs",
                                to="fieldwork.controltest",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="TouchedCommitment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "commitment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.commitment",
                            ),
                        ),
                        (
                            "deviation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="touched_links",
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
                    ],
                    options={
                        "ordering": ["commitment_id"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="CheckCriterion",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("check_id", models.CharField(max_length=120)),
                        ("source", models.CharField(max_length=200)),
                        (
                            "criterion",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="controls.criterion",
                            ),
                        ),
                        (
                            "firm",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="check_criteria",
                                to="accounts.firm",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["check_id", "criterion__position"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("firm", "check_id", "criterion"), name="check_criterion_once"
                            )
                        ],
                    },
                ),
            ],
        ),
        audit.migrating.AtOnce(
            operations=[
                migrations.AddField(
                    model_name="deviation",
                    name="failed_criteria",
                    field=models.ManyToManyField(
                        related_name="+", through="fieldwork.FailedCriterion", to="controls.criterion"
                    ),
                ),
                migrations.AddField(
                    model_name="deviation",
                    name="cells",
                    field=models.ManyToManyField(
                        related_name="deviations", through="fieldwork.DeviationCell", to="fieldwork.itemresult"
                    ),
                ),
                migrations.AddField(
                    model_name="controltest",
                    name="sample",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tests",
                        to="fieldwork.sample",
                    ),
                ),
                migrations.AddField(
                    model_name="sample",
                    name="profile",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="samples",
                        to="fieldwork.samplingprofile",
                    ),
                ),
                migrations.AddField(
                    model_name="itemresult",
                    name="item",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="results",
                        to="fieldwork.sheetitem",
                    ),
                ),
                migrations.AddField(
                    model_name="deviation",
                    name="touched_commitments",
                    field=models.ManyToManyField(
                        related_name="+", through="fieldwork.TouchedCommitment", to="engagements.commitment"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="evidencecitation",
                    constraint=models.UniqueConstraint(fields=("test", "file"), name="citation_once"),
                ),
                migrations.AddConstraint(
                    model_name="attribute",
                    constraint=models.UniqueConstraint(fields=("test", "letter"), name="attribute_letter_once"),
                ),
                migrations.AddConstraint(
                    model_name="failedcriterion",
                    constraint=models.UniqueConstraint(
                        fields=("deviation", "criterion"), name="failed_criterion_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="deviationcell",
                    constraint=models.UniqueConstraint(fields=("cell",), name="cell_in_one_deviation"),
                ),
                migrations.AddIndex(
                    model_name="reviewnote",
                    index=models.Index(fields=["engagement", "target"], name="note_target"),
                ),
                migrations.AddConstraint(
                    model_name="reviewnote",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("test__isnull", True), ("target__startswith", "test:"), _connector="OR"
                        ),
                        name="note_at_its_test",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="controltest",
                    constraint=models.UniqueConstraint(fields=("control", "number"), name="test_number_once"),
                ),
                migrations.AddConstraint(
                    model_name="sampleexpansion",
                    constraint=models.UniqueConstraint(fields=("sample", "number"), name="expansion_number_once"),
                ),
                migrations.AddConstraint(
                    model_name="sampleexpansion",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("size__gt", 0)), name="expansion_not_empty"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="sampleexpansion",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="expansion_with_reason"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="sampleitem",
                    constraint=models.UniqueConstraint(fields=("sample", "row"), name="sample_item_once"),
                ),
                migrations.AddConstraint(
                    model_name="sampleitem",
                    constraint=models.UniqueConstraint(fields=("sample", "position"), name="sample_position_once"),
                ),
                migrations.AddConstraint(
                    model_name="samplingprofile",
                    constraint=models.UniqueConstraint(
                        fields=("firm", "code", "version"), name="sampling_profile_once", nulls_distinct=False
                    ),
                ),
                migrations.AddConstraint(
                    model_name="samplingprofile",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("state", "approved")),
                        fields=("firm",),
                        name="sampling_profile_one_approved",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="samplingprofile",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["approved", "retired"]), _negated=True),
                            models.Q(("approved_by__isnull", False), ("approved_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="sampling_profile_approved_by_somebody",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="sample",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(
                            ("voided_at__isnull", True), models.Q(("method", "targeted"), _negated=True)
                        ),
                        fields=("control", "population"),
                        name="sample_once",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="sample",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("method", "targeted"), ("profile__isnull", True), ("seed", "")),
                            models.Q(
                                models.Q(("method", "targeted"), _negated=True),
                                models.Q(("seed", ""), _negated=True),
                                ("profile__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="sample_drawn_or_targeted",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="sample",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("size__gte", models.F("proposed_size")),
                            models.Q(("smaller_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="sample_smaller_needs_reason",
                    ),
                ),
                migrations.AddIndex(
                    model_name="scanfinding",
                    index=models.Index(fields=["report", "check_id"], name="scan_findings_by_check"),
                ),
                migrations.AddConstraint(
                    model_name="scanfinding",
                    constraint=models.UniqueConstraint(fields=("report", "row"), name="scan_finding_once"),
                ),
                migrations.AddConstraint(
                    model_name="sheetitem",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("unobtainable", ""), ("unobtainable_as", "")),
                            models.Q(
                                models.Q(("unobtainable", ""), _negated=True),
                                models.Q(("unobtainable_as", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="test_item_unobtainable_with_effect",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="sheetitem",
                    constraint=models.UniqueConstraint(fields=("test", "position"), name="test_item_position_once"),
                ),
                migrations.AddConstraint(
                    model_name="sheetitem",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("sample_item__isnull", False)),
                        fields=("test", "sample_item"),
                        name="test_item_once",
                    ),
                ),
                migrations.AddIndex(
                    model_name="sheetchange",
                    index=models.Index(fields=["test", "id"], name="sheet_changes_in_order"),
                ),
                migrations.AddConstraint(
                    model_name="itemresult",
                    constraint=models.UniqueConstraint(fields=("item", "attribute"), name="cell_once"),
                ),
                migrations.AddConstraint(
                    model_name="itemresult",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("outcome", "d"), _negated=True),
                            models.Q(("note", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="deviation_cell_has_note",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="signoff",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("voided_at__isnull", True)),
                        fields=("test", "step"),
                        name="sign_off_once",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="signoff",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("voided_at__isnull", True)),
                        fields=("test", "by"),
                        name="sign_off_different_people",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="touchedcommitment",
                    constraint=models.UniqueConstraint(
                        fields=("deviation", "commitment"), name="touched_commitment_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="deviation",
                    constraint=models.UniqueConstraint(fields=("engagement", "code"), name="deviation_code_once"),
                ),
                migrations.AddConstraint(
                    model_name="deviation",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("merged_into__isnull", False), ("state", "merged")),
                            models.Q(models.Q(("state", "merged"), _negated=True), ("merged_into__isnull", True)),
                            _connector="OR",
                        ),
                        name="deviation_merged_into_another",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="deviation",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("cause_shared_with__isnull", True),
                            models.Q(
                                models.Q(("cause_shared_with", models.F("id")), _negated=True),
                                models.Q(("state__in", ["not_a_deviation", "merged"]), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="deviation_shares_while_it_stands",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="deviation",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "not_a_deviation"), _negated=True),
                            models.Q(("dismissal_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="deviation_dismissed_with_reason",
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="evidencecitation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="0eeca68e00d08b3a2c730d782d30e110712fa889",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_5e1ad",
                            table="fieldwork_evidencecitation",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="evidencecitation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="35e4b0febe23d9d65eb509fe198076c255a47002",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_68e01",
                            table="fieldwork_evidencecitation",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="attribute",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="97a9581b7ff70b53836ba47c60841f638c4f80ac",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_454ab",
                            table="fieldwork_attribute",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="attribute",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="512908993960f6cd22d15f959e63e030cb352ba9",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_77e89",
                            table="fieldwork_attribute",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="failedcriterion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="7d47fc85289d51d72b8d814231fedafc10586c69",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_45137",
                            table="fieldwork_failedcriterion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="failedcriterion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="8644b22bd4597a4ff5663e380fa475bf37669be9",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_16342",
                            table="fieldwork_failedcriterion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="deviationcell",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="7cf89282498987501c47de13d103abdb984f6611",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_ac940",
                            table="fieldwork_deviationcell",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="deviationcell",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="d1fc005507fd240b1e9d138daad785224980a093",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_c9738",
                            table="fieldwork_deviationcell",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="managementresponse",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="e46cdc1883032efd6fc222807f2105d180422ec1",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_a1729",
                            table="fieldwork_managementresponse",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="managementresponse",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="221e93c39b3d2570a0e6246b44f9561302fb9bc2",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_cf483",
                            table="fieldwork_managementresponse",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="managementresponse",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="de6d10039ce9f250448bae6a0c14876b5ec8b731",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_3f604",
                            table="fieldwork_managementresponse",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="procedurerecord",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="cf77de0c021a73b34399be3aecc69966746cc54f",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_9ad9f",
                            table="fieldwork_procedurerecord",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="procedurerecord",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="dc950f1cf62ea9a370f809bcd34d7426bda9b300",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_40c94",
                            table="fieldwork_procedurerecord",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="regrouping",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="76156984f528b675505517e1bd8a5f49b9bad1e7",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_6d93c",
                            table="fieldwork_regrouping",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="regrouping",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="efee625fca4903a19b4d0f9e5f54b51476944361",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_e6f2c",
                            table="fieldwork_regrouping",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="regrouping",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="072c76c00be0ef0f780719de0a410fb7695078bd",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_77629",
                            table="fieldwork_regrouping",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reviewnote",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="b7b6518e948e0d3b569a1b4aef5c9af35de1a2c8",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_94eee",
                            table="fieldwork_reviewnote",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reviewnote",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="4dd8fdce2ecd20d671c2c43270ceebf1e216bf4a",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_31280",
                            table="fieldwork_reviewnote",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reviewnote",
                    trigger=pgtrigger.compiler.Trigger(
                        name="raised_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."raised_at" IS DISTINCT FROM (NEW."raised_at") OR OLD."raised_by_id" IS DISTINCT FROM (NEW."raised_by_id") OR OLD."target" IS DISTINCT FROM (NEW."target") OR OLD."text" IS DISTINCT FROM (NEW."text"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="cc976d5dd811bcb255e3416076f8a053ab6c48fa",
                            operation="UPDATE",
                            pgid="pgtrigger_raised_stays_aa2e8",
                            table="fieldwork_reviewnote",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="reviewnote",
                    trigger=pgtrigger.compiler.Trigger(
                        name="raised_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="1ca49ded4b180d472880e500ac375748a1e33fdd",
                            operation="DELETE",
                            pgid="pgtrigger_raised_stays_never_deleted_ad01a",
                            table="fieldwork_reviewnote",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="controltest",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="1bb37b8b24ca025d24dd1a00e8ed910483123583",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_515f8",
                            table="fieldwork_controltest",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="controltest",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="457a2e05a293730dc5799feb21eda29a5a422238",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_a9c2b",
                            table="fieldwork_controltest",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sampleexpansion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="6f44f481b4621856e08fb8fb99fc79cce0674083",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_63723",
                            table="fieldwork_sampleexpansion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sampleexpansion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="7ace67f521f06bb92d02dbc1d6ec49ee806afa49",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_2ebe7",
                            table="fieldwork_sampleexpansion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sampleexpansion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="0a4950ad5b72cda7046d07c933f3309d96f47c96",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_6880d",
                            table="fieldwork_sampleexpansion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sampleitem",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="0bce8b258b99a9fb993f59aedff6f59ba4c9c02b",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_9eb56",
                            table="fieldwork_sampleitem",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sampleitem",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="7010fe0d1746eb94d1e674ecc20ed95056539962",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_da388",
                            table="fieldwork_sampleitem",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sampleitem",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="2e92bf077b640edc50f1cd8076f1489f8c3460cf",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_55104",
                            table="fieldwork_sampleitem",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="samplingprofile",
                    trigger=pgtrigger.compiler.Trigger(
                        name="approved_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n                    IF OLD.state IN ('approved', 'retired') AND (\n                        TG_OP = 'DELETE' OR to_jsonb(NEW) - 'state' <> to_jsonb(OLD) - 'state'\n                        OR NEW.state NOT IN ('approved', 'retired')) THEN\n                        RAISE EXCEPTION 'Sampling profile % is approved: write a new version', OLD.code\n                            USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\n                    RETURN NEW;\n                ",
                            hash="11fde55540e9c81fca620199adf43b7de5eb5d19",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_approved_stays_c9563",
                            table="fieldwork_samplingprofile",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sample",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="63b4bf4ee17c0d660239971634e13af3c8e965ed",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_4f943",
                            table="fieldwork_sample",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sample",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="ebf87585b916a510521664ef949d9951ffabb382",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_7bce7",
                            table="fieldwork_sample",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sample",
                    trigger=pgtrigger.compiler.Trigger(
                        name="drawn_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."control_id" IS DISTINCT FROM (NEW."control_id") OR OLD."drawn_at" IS DISTINCT FROM (NEW."drawn_at") OR OLD."drawn_by_id" IS DISTINCT FROM (NEW."drawn_by_id") OR OLD."expected_deviations" IS DISTINCT FROM (NEW."expected_deviations") OR OLD."method" IS DISTINCT FROM (NEW."method") OR OLD."population_id" IS DISTINCT FROM (NEW."population_id") OR OLD."population_sha256" IS DISTINCT FROM (NEW."population_sha256") OR OLD."profile_id" IS DISTINCT FROM (NEW."profile_id") OR OLD."proposal_reason" IS DISTINCT FROM (NEW."proposal_reason") OR OLD."seed" IS DISTINCT FROM (NEW."seed") OR OLD."size" IS DISTINCT FROM (NEW."size"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="421d83b605818835187bd1265ad2c2581a7bb909",
                            operation="UPDATE",
                            pgid="pgtrigger_drawn_stays_c08da",
                            table="fieldwork_sample",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sample",
                    trigger=pgtrigger.compiler.Trigger(
                        name="drawn_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="8b68db6a4e7753cc89c5f916fa6c8189032e2e74",
                            operation="DELETE",
                            pgid="pgtrigger_drawn_stays_never_deleted_4bf35",
                            table="fieldwork_sample",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="scanreport",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="0731aaf118d58ce7621fe37cbd9f276820cb4143",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_401ba",
                            table="fieldwork_scanreport",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="scanreport",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="d9942102cb521576d23c558f6cd35fb3804b7dc4",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_aff3c",
                            table="fieldwork_scanreport",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="scanfinding",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="c9d0884a0953b9e0fb18ebff8eb122fced8593f5",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_fdd19",
                            table="fieldwork_scanfinding",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="scanfinding",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="d8070331c155265b0a67f0ac4cee4a7c184a9c0e",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_1bffc",
                            table="fieldwork_scanfinding",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sheetitem",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="0879d93b457fb4a2fd238cd5c88fa2c2fdbc9d5a",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_fcb1f",
                            table="fieldwork_sheetitem",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sheetitem",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="98fc92979eb12ae8e5eee9938ca4239315c509d6",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_4c14e",
                            table="fieldwork_sheetitem",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sheetchange",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="2a0a696af676f623622420bc420359e9494a627a",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_eca85",
                            table="fieldwork_sheetchange",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="sheetchange",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="52380593a02e50fc4b76f68f8ba9bbc469e789a7",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_e2df3",
                            table="fieldwork_sheetchange",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="itemresult",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="b65f8f1a7a123a351adab19d21bc134248f0cec1",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_462e7",
                            table="fieldwork_itemresult",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="itemresult",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="781a3c05197d12d721a23ee9d3c0baaeb37d0375",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_0a518",
                            table="fieldwork_itemresult",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="signoff",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="7edcec1e7366fc9957964bb2126af0972d2f236d",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_1e2b8",
                            table="fieldwork_signoff",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="signoff",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="506ade4717da18205c6ed12f1a0d77ce304bc162",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_a51b7",
                            table="fieldwork_signoff",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="signoff",
                    trigger=pgtrigger.compiler.Trigger(
                        name="signed_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."at" IS DISTINCT FROM (NEW."at") OR OLD."by_id" IS DISTINCT FROM (NEW."by_id") OR OLD."content" IS DISTINCT FROM (NEW."content") OR OLD."content_sha256" IS DISTINCT FROM (NEW."content_sha256") OR OLD."step" IS DISTINCT FROM (NEW."step") OR OLD."test_id" IS DISTINCT FROM (NEW."test_id"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="5a5b1ee3bae42950d6f4a33b971c622a83692af9",
                            operation="UPDATE",
                            pgid="pgtrigger_signed_stays_e79e2",
                            table="fieldwork_signoff",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="signoff",
                    trigger=pgtrigger.compiler.Trigger(
                        name="signed_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="6b4beda80e8444188e11a1d773060aac51043770",
                            operation="DELETE",
                            pgid="pgtrigger_signed_stays_never_deleted_61a21",
                            table="fieldwork_signoff",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="touchedcommitment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="4454a665313e90d065f1aebc9ca33cc877e77312",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_1ff49",
                            table="fieldwork_touchedcommitment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="touchedcommitment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="492660065e147719aa7cb14ec05696900b4bba87",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_66c09",
                            table="fieldwork_touchedcommitment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="deviation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="45f46cffe184c1ce7efa9e0d4a4b0dd10b19ae3e",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_45cd3",
                            table="fieldwork_deviation",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="deviation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="fc0d78f159a460dc07e0f65a3c8b6464f903b75b",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_d40d4",
                            table="fieldwork_deviation",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="deviation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="20fec907c5dc5f0394272570330466c30211c06d",
                            operation="DELETE",
                            pgid="pgtrigger_never_deleted_24309",
                            table="fieldwork_deviation",
                            when="BEFORE",
                        ),
                    ),
                ),
            ],
        ),
    ]
