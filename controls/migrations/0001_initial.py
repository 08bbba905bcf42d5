import django.db.models.deletion
from django.db import migrations, models

import audit.migrating


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        audit.migrating.AtOnce(
            operations=[
                migrations.CreateModel(
                    name="Criterion",
                    fields=[
                        ("code", models.CharField(max_length=8, primary_key=True, serialize=False)),
                        (
                            "category",
                            models.CharField(
                                choices=[
                                    ("security", "Security"),
                                    ("availability", "Availability"),
                                    ("confidentiality", "Confidentiality"),
                                    ("processing_integrity", "Processing integrity"),
                                    ("privacy", "Privacy"),
                                ],
                                max_length=24,
                            ),
                        ),
                        ("series", models.CharField(max_length=8)),
                        ("series_title", models.CharField(max_length=80)),
                        ("title", models.CharField(max_length=120)),
                        ("paraphrase", models.TextField()),
                        ("coso_principle", models.PositiveSmallIntegerField(blank=True, null=True)),
                        ("points_of_focus", models.PositiveSmallIntegerField(blank=True, null=True)),
                        ("position", models.PositiveSmallIntegerField(unique=True)),
                    ],
                    options={
                        "verbose_name_plural": "criteria",
                        "ordering": ["position"],
                    },
                ),
                migrations.CreateModel(
                    name="LibraryControl",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("code", models.CharField(max_length=20)),
                        ("title", models.CharField(max_length=200)),
                        (
                            "nature",
                            models.CharField(
                                choices=[("M", "Manual"), ("A", "Automated"), ("MI", "Manual with system report")],
                                max_length=2,
                            ),
                        ),
                        (
                            "frequency",
                            models.CharField(
                                choices=[
                                    ("A", "Annual"),
                                    ("SA", "Semi-annual"),
                                    ("Q", "Quarterly"),
                                    ("M", "Monthly"),
                                    ("SM", "Semi-monthly"),
                                    ("W", "Weekly"),
                                    ("D", "Daily"),
                                    ("MD", "Many a day"),
                                    ("E", "On event"),
                                    ("E+A", "On event and annual"),
                                    ("C", "Continuous configuration"),
                                ],
                                max_length=4,
                            ),
                        ),
                        ("evidence", models.TextField(verbose_name="typical evidence")),
                        ("test", models.TextField(verbose_name="typical test")),
                        (
                            "criteria",
                            models.ManyToManyField(related_name="library_controls", to="controls.criterion"),
                        ),
                        (
                            "firm",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="library",
                                to="accounts.firm",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["code"],
                    },
                ),
                migrations.CreateModel(
                    name="LibraryAttribute",
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
                        ("evidence", models.TextField(blank=True, verbose_name="evidence expected")),
                        (
                            "control",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="attributes",
                                to="controls.librarycontrol",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["letter"],
                    },
                ),
            ],
        ),
        audit.migrating.AtOnce(
            operations=[
                migrations.AddConstraint(
                    model_name="librarycontrol",
                    constraint=models.UniqueConstraint(
                        fields=("firm", "code"), name="library_code_once_per_firm", nulls_distinct=False
                    ),
                ),
                migrations.AddConstraint(
                    model_name="libraryattribute",
                    constraint=models.UniqueConstraint(fields=("control", "letter"), name="library_letter_once"),
                ),
            ],
        ),
    ]
