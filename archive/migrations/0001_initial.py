import django.db.models.deletion
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
                    name="AddendumFile",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=200)),
                        ("size", models.PositiveBigIntegerField()),
                        ("sha256", models.CharField(max_length=64)),
                        ("content_type", models.CharField(max_length=100)),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="AddendumReview",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("conclusion", models.TextField(verbose_name="what the reviewer concludes")),
                        ("at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="ClosingReminder",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("released_on", models.DateField()),
                        ("mark", models.PositiveSmallIntegerField(verbose_name="days after the release")),
                        ("to", models.JSONField(default=list, verbose_name="addresses")),
                        ("at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="FileLock",
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
                                    ("assembling", "Being locked"),
                                    ("locked", "Locked"),
                                    ("failed", "Could not be locked"),
                                ],
                                default="assembling",
                                max_length=10,
                            ),
                        ),
                        ("asked_at", models.DateTimeField(auto_now_add=True)),
                        (
                            "released_on",
                            models.DateField(verbose_name="day of the release, or on which the engagement ended"),
                        ),
                        ("retention_years", models.PositiveSmallIntegerField()),
                        ("retain_until", models.DateField(verbose_name="kept until")),
                        ("locked_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "root",
                            models.CharField(blank=True, max_length=64, verbose_name="Merkle root of the file"),
                        ),
                        ("leaves", models.PositiveIntegerField(default=0)),
                        ("bytes", models.PositiveBigIntegerField(default=0)),
                        ("trail_seq", models.BigIntegerField(default=0)),
                        ("trail_hash", models.CharField(blank=True, max_length=64)),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="LegalHold",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("reason", models.TextField(verbose_name="matter, and who asked for it")),
                        ("placed_at", models.DateTimeField(auto_now_add=True)),
                        ("lifted_at", models.DateTimeField(blank=True, null=True)),
                        ("lift_reason", models.TextField(blank=True, verbose_name="why it ended")),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Pack",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("making", "Being made"),
                                    ("ready", "Ready"),
                                    ("failed", "Could not be made"),
                                    ("gone", "Replaced by a newer one"),
                                ],
                                default="making",
                                max_length=8,
                            ),
                        ),
                        ("asked_at", models.DateTimeField(auto_now_add=True)),
                        ("made_at", models.DateTimeField(blank=True, null=True)),
                        ("sha256", models.CharField(blank=True, max_length=64)),
                        ("size", models.PositiveBigIntegerField(default=0)),
                        ("members", models.PositiveIntegerField(default=0)),
                        ("root", models.CharField(blank=True, max_length=64)),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Purge",
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
                                    ("asked", "Waits for the second person"),
                                    ("cancelled", "Not carried out"),
                                    ("approved", "Being destroyed"),
                                    ("done", "Destroyed"),
                                ],
                                default="asked",
                                max_length=10,
                            ),
                        ),
                        ("reason", models.TextField()),
                        ("asked_at", models.DateTimeField(auto_now_add=True)),
                        ("approved_at", models.DateTimeField(blank=True, null=True)),
                        ("destroyed", models.JSONField(default=dict)),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="PurgeCertificate",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("text", models.TextField()),
                        ("sha256", models.CharField(max_length=64)),
                        ("at", models.DateTimeField(auto_now_add=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="Addendum",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField()),
                        ("reason", models.TextField(verbose_name="why it is added")),
                        ("text", models.TextField(verbose_name="what is added")),
                        ("effect", models.TextField(verbose_name="effect on the opinion")),
                        ("file_count", models.PositiveSmallIntegerField(default=0, verbose_name="files with it")),
                        ("sha256", models.CharField(max_length=64, verbose_name="hash of words and files")),
                        ("at", models.DateTimeField(auto_now_add=True)),
                        (
                            "by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["number"],
                    },
                ),
            ],
        ),
    ]
