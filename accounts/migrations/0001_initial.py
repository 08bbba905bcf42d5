import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import accounts.models
import audit.migrating


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        audit.migrating.AtOnce(
            operations=[
                migrations.CreateModel(
                    name="Firm",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "demands_second_factor",
                            models.BooleanField(default=False, verbose_name="everybody has a second factor"),
                        ),
                        (
                            "session_hours",
                            models.PositiveSmallIntegerField(
                                default=12,
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(12),
                                ],
                                verbose_name="hours until people sign in anew",
                            ),
                        ),
                        ("legal_name", models.CharField(max_length=200)),
                        (
                            "peer_review_on",
                            models.DateField(blank=True, null=True, verbose_name="last peer review accepted"),
                        ),
                        (
                            "retention_years",
                            models.PositiveSmallIntegerField(
                                default=7,
                                validators=[
                                    django.core.validators.MinValueValidator(5),
                                    django.core.validators.MaxValueValidator(50),
                                ],
                                verbose_name="years that files are kept",
                            ),
                        ),
                        (
                            "quality_triggers",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(
                                    choices=[
                                        ("always", "Every engagement"),
                                        ("modified_opinion", "The opinion is modified"),
                                        ("first_year", "No earlier report of the system is on record"),
                                        ("inclusive", "A subservice organization is included"),
                                        ("non_attest", "The firm gives the client other services"),
                                        ("tool_provider", "The firm has a relation to the provider of a tool"),
                                    ],
                                    max_length=20,
                                ),
                                blank=True,
                                default=accounts.models.usual_triggers,
                                size=None,
                                verbose_name="a quality review is needed when",
                            ),
                        ),
                        (
                            "two_to_issue",
                            models.BooleanField(default=False, verbose_name="a report takes two people to issue"),
                        ),
                        ("two_to_issue_until", models.DateTimeField(blank=True, editable=False, null=True)),
                        (
                            "section_four",
                            models.CharField(
                                choices=[
                                    ("criterion", "By criterion, each control at the first it meets"),
                                    ("control", "By control, with a matrix of the criteria"),
                                ],
                                default="criterion",
                                max_length=10,
                                verbose_name="Section IV of new engagements",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="User",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("password", models.CharField(max_length=128, verbose_name="password")),
                        ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                        (
                            "is_superuser",
                            models.BooleanField(
                                default=False,
                                help_text="Designates that this user has all permissions without explicitly assigning them.",
                                verbose_name="superuser status",
                            ),
                        ),
                        ("email", models.EmailField(max_length=254, unique=True)),
                        ("name", models.CharField(max_length=120)),
                        ("is_staff", models.BooleanField(default=False)),
                        ("is_active", models.BooleanField(default=True)),
                        ("date_joined", models.DateTimeField(auto_now_add=True)),
                        (
                            "groups",
                            models.ManyToManyField(
                                blank=True,
                                help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                                related_name="user_set",
                                related_query_name="user",
                                to="auth.group",
                                verbose_name="groups",
                            ),
                        ),
                        (
                            "user_permissions",
                            models.ManyToManyField(
                                blank=True,
                                help_text="Specific permissions for this user.",
                                related_name="user_set",
                                related_query_name="user",
                                to="auth.permission",
                                verbose_name="user permissions",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="ApiToken",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=80)),
                        ("prefix", models.CharField(max_length=24, unique=True)),
                        ("token_hash", models.CharField(max_length=64, unique=True)),
                        ("engagement_id", models.BigIntegerField(blank=True, null=True)),
                        ("covers", models.CharField(max_length=200)),
                        ("may_read", models.BooleanField(default=True, verbose_name="read")),
                        ("may_upload", models.BooleanField(default=False, verbose_name="hand in evidence")),
                        ("networks", models.JSONField(blank=True, default=list)),
                        ("provider", models.CharField(blank=True, max_length=50)),
                        ("second_factor", models.BooleanField(default=False)),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("expires_at", models.DateTimeField()),
                        ("last_used_at", models.DateTimeField(blank=True, null=True)),
                        ("last_used_ip", models.GenericIPAddressField(blank=True, null=True)),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="api_tokens",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                    },
                ),
                migrations.CreateModel(
                    name="FirmMember",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("title", models.CharField(blank=True, max_length=80)),
                        ("is_admin", models.BooleanField(default=False)),
                        (
                            "may_accept",
                            models.BooleanField(default=False, verbose_name="may open and accept engagements"),
                        ),
                        (
                            "firm",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="members",
                                to="accounts.firm",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="firm_memberships",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Licence",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("jurisdiction", models.CharField(max_length=100)),
                        ("number", models.CharField(max_length=50)),
                        ("expires_on", models.DateField(blank=True, null=True, verbose_name="expires")),
                        (
                            "firm",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="licences",
                                to="accounts.firm",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["jurisdiction", "number"],
                    },
                ),
                migrations.CreateModel(
                    name="Office",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("city", models.CharField(max_length=100)),
                        ("state", models.CharField(max_length=100)),
                        (
                            "is_main",
                            models.BooleanField(
                                default=False, verbose_name="signs unless an engagement names another"
                            ),
                        ),
                        ("closed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "firm",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="offices",
                                to="accounts.firm",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-is_main", "city", "state"],
                    },
                ),
                migrations.CreateModel(
                    name="ServiceOrganization",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "demands_second_factor",
                            models.BooleanField(default=False, verbose_name="everybody has a second factor"),
                        ),
                        (
                            "session_hours",
                            models.PositiveSmallIntegerField(
                                default=12,
                                validators=[
                                    django.core.validators.MinValueValidator(1),
                                    django.core.validators.MaxValueValidator(12),
                                ],
                                verbose_name="hours until people sign in anew",
                            ),
                        ),
                        ("name", models.CharField(max_length=200, verbose_name="legal name")),
                        ("short_name", models.CharField(blank=True, max_length=80)),
                        ("website", models.URLField(blank=True)),
                        (
                            "firm",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="clients",
                                to="accounts.firm",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["name"],
                    },
                ),
                migrations.CreateModel(
                    name="Invitation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("email", models.EmailField(max_length=254)),
                        ("name", models.CharField(max_length=120)),
                        ("title", models.CharField(blank=True, max_length=80)),
                        ("token_hash", models.CharField(max_length=64, unique=True)),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("expires_at", models.DateTimeField()),
                        ("accepted_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "accepted_by",
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
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="%(class)ss",
                                related_query_name="%(class)s",
                                to="accounts.firm",
                            ),
                        ),
                        (
                            "invited_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "organization",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="%(class)ss",
                                related_query_name="%(class)s",
                                to="accounts.serviceorganization",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="IdentityProvider",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("slug", models.SlugField(unique=True)),
                        (
                            "demanded",
                            models.BooleanField(default=False, verbose_name="people sign in this way only"),
                        ),
                        (
                            "vouches_for_addresses",
                            models.BooleanField(
                                default=False, verbose_name="it serves nobody but this organization"
                            ),
                        ),
                        ("sealed_secret", models.TextField(blank=True)),
                        (
                            "firm",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="%(class)ss",
                                related_query_name="%(class)s",
                                to="accounts.firm",
                            ),
                        ),
                        (
                            "organization",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="%(class)ss",
                                related_query_name="%(class)s",
                                to="accounts.serviceorganization",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ClientMember",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("title", models.CharField(blank=True, max_length=80)),
                        (
                            "is_admin",
                            models.BooleanField(default=False, verbose_name="administers the organization"),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="client_memberships",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "organization",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="members",
                                to="accounts.serviceorganization",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="SigningCertificate",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("sealed_key", models.TextField()),
                        ("certificates", models.TextField(verbose_name="it and those above it, PEM")),
                        ("subject", models.CharField(max_length=500)),
                        ("issuer", models.CharField(max_length=500)),
                        ("serial", models.CharField(max_length=60, verbose_name="serial number")),
                        ("sha256", models.CharField(max_length=64, verbose_name="fingerprint")),
                        ("valid_from", models.DateTimeField()),
                        ("valid_to", models.DateTimeField(verbose_name="expires")),
                        ("kept_at", models.DateTimeField(auto_now_add=True)),
                        (
                            "firm",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="certificate",
                                to="accounts.firm",
                            ),
                        ),
                        (
                            "kept_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                ),
            ],
        ),
        audit.migrating.AtOnce(
            operations=[
                migrations.AddConstraint(
                    model_name="user",
                    constraint=models.UniqueConstraint(
                        django.db.models.functions.text.Lower("email"), name="user_email_any_case"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="apitoken",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("may_read", True), ("may_upload", True), _connector="OR"),
                        name="api_token_for_something",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="firmmember",
                    constraint=models.UniqueConstraint(fields=("firm", "user"), name="firm_member_once"),
                ),
                migrations.AddConstraint(
                    model_name="licence",
                    constraint=models.UniqueConstraint(
                        fields=("firm", "jurisdiction", "number"), name="licence_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="office",
                    constraint=models.UniqueConstraint(
                        models.F("firm"),
                        django.db.models.functions.text.Lower("city"),
                        django.db.models.functions.text.Lower("state"),
                        name="office_once",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="office",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("is_main", True)), fields=("firm",), name="office_one_main"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="office",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("is_main", False), ("closed_at__isnull", True), _connector="OR"),
                        name="office_main_is_open",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="serviceorganization",
                    constraint=models.UniqueConstraint(fields=("firm", "name"), name="client_once_per_firm"),
                ),
                migrations.AddConstraint(
                    model_name="invitation",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("firm__isnull", False), ("organization__isnull", True)),
                            models.Q(("firm__isnull", True), ("organization__isnull", False)),
                            _connector="OR",
                        ),
                        name="invitation_of_one_place",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="identityprovider",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("firm__isnull", False), ("organization__isnull", True)),
                            models.Q(("firm__isnull", True), ("organization__isnull", False)),
                            _connector="OR",
                        ),
                        name="identityprovider_of_one_place",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="identityprovider",
                    constraint=models.UniqueConstraint(fields=("firm",), name="identity_provider_once_per_firm"),
                ),
                migrations.AddConstraint(
                    model_name="identityprovider",
                    constraint=models.UniqueConstraint(
                        fields=("organization",), name="identity_provider_once_per_client"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="clientmember",
                    constraint=models.UniqueConstraint(fields=("organization", "user"), name="client_member_once"),
                ),
            ],
        ),
    ]
