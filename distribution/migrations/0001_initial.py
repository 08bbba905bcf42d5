from django.db import migrations, models

import audit.migrating


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        audit.migrating.AtOnce(
            operations=[
                migrations.CreateModel(
                    name="Acceptance",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("agreement_sha256", models.CharField(max_length=64)),
                        ("typed_name", models.CharField(max_length=120)),
                        ("at", models.DateTimeField(auto_now_add=True)),
                        ("ip", models.GenericIPAddressField(null=True)),
                        ("user_agent", models.CharField(blank=True, max_length=300)),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="AccessEvent",
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
                                    ("invited", "Invited"),
                                    ("opened", "Opened the invitation"),
                                    ("viewed", "Viewed the terms"),
                                    ("accepted", "Accepted the terms"),
                                    ("downloaded", "Downloaded"),
                                    ("refused", "Refused"),
                                    ("revoked", "Revoked"),
                                    ("notified", "Told that it is not current"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("reason", models.CharField(blank=True, max_length=200)),
                        ("report_sha256", models.CharField(blank=True, max_length=64)),
                        ("copy_sha256", models.CharField(blank=True, max_length=64)),
                        ("at", models.DateTimeField(auto_now_add=True)),
                        ("ip", models.GenericIPAddressField(null=True)),
                        ("user_agent", models.CharField(blank=True, max_length=300)),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="Grant",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("email", models.EmailField(max_length=254)),
                        ("name", models.CharField(max_length=120)),
                        ("company", models.CharField(max_length=200)),
                        ("purpose", models.CharField(blank=True, max_length=200)),
                        (
                            "party_class",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("user_entity", "User entity of the system"),
                                    ("prospect", "Prospective user entity or business partner"),
                                    ("business_partner", "Business partner subject to risk from the system"),
                                    ("practitioner", "Practitioner serving a user entity or business partner"),
                                    ("regulator", "Regulator"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("knowledge_declared_at", models.DateTimeField(blank=True, null=True)),
                        ("token_hash", models.CharField(max_length=64, unique=True)),
                        ("token_used_at", models.DateTimeField(blank=True, null=True)),
                        ("invited_at", models.DateTimeField(auto_now_add=True)),
                        ("expires_at", models.DateTimeField()),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
                migrations.CreateModel(
                    name="NonDisclosureAgreement",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("version", models.PositiveSmallIntegerField()),
                        ("text", models.TextField()),
                        ("sha256", models.CharField(max_length=64)),
                        ("published_at", models.DateTimeField(auto_now_add=True)),
                    ],
                    options={
                        "ordering": ["-version"],
                    },
                ),
                migrations.CreateModel(
                    name="Publication",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("address", models.CharField(max_length=40, unique=True)),
                        ("published_at", models.DateTimeField(auto_now_add=True)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "ordering": ["-pk"],
                    },
                ),
            ],
        ),
    ]
