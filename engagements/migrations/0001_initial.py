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
        ("auth", "0012_alter_user_first_name_max_length"),
        ("controls", "0001_initial"),
    ]

    operations = [
        audit.migrating.AtOnce(
            operations=[
                migrations.CreateModel(
                    name="ComplementaryControl",
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
                                    ("cuec", "Complementary user entity control"),
                                    ("csoc", "Complementary subservice organization control"),
                                ],
                                max_length=4,
                            ),
                        ),
                        ("number", models.CharField(max_length=20)),
                        ("text", models.TextField()),
                    ],
                    options={
                        "ordering": ["kind", "number"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ComplementaryCriterion",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "complementary",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="mappings",
                                to="engagements.complementarycontrol",
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
                    ],
                    options={
                        "ordering": ["criterion__position"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Control",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.CharField(max_length=20)),
                        ("title", models.CharField(max_length=200)),
                        ("wording", models.TextField(verbose_name="control as stated by management")),
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
                        ("typical_evidence", models.TextField(blank=True)),
                        ("typical_test", models.TextField(blank=True)),
                        ("removed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "library_control",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="controls.librarycontrol",
                            ),
                        ),
                        (
                            "owner",
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
                        "ordering": ["number"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ControlCriterion",
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
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="mappings",
                                to="engagements.control",
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
                    ],
                    options={
                        "ordering": ["criterion__position"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Engagement",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.CharField(max_length=20)),
                        ("system_name", models.CharField(max_length=120)),
                        ("type", models.CharField(choices=[("1", "Type 1"), ("2", "Type 2")], max_length=1)),
                        ("as_of", models.DateField(blank=True, null=True, verbose_name="as-of date")),
                        (
                            "period_start",
                            models.DateField(blank=True, null=True, verbose_name="first day of the period"),
                        ),
                        (
                            "period_end",
                            models.DateField(blank=True, null=True, verbose_name="last day of the period"),
                        ),
                        (
                            "prior_period_end",
                            models.DateField(
                                blank=True, null=True, verbose_name="last day of the prior report's period"
                            ),
                        ),
                        (
                            "categories",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(
                                    choices=[
                                        ("security", "Security"),
                                        ("availability", "Availability"),
                                        ("confidentiality", "Confidentiality"),
                                        ("processing_integrity", "Processing integrity"),
                                        ("privacy", "Privacy"),
                                    ],
                                    max_length=24,
                                ),
                                size=None,
                            ),
                        ),
                        (
                            "stage",
                            models.CharField(
                                choices=[
                                    ("acceptance", "Acceptance"),
                                    ("scoping", "Scoping"),
                                    ("readiness", "Readiness"),
                                    ("observation", "Observation"),
                                    ("fieldwork", "Fieldwork"),
                                    ("reporting", "Reporting"),
                                    ("issued", "Issued"),
                                    ("locked", "Locked"),
                                    ("declined", "Declined"),
                                    ("withdrawn", "Withdrawn"),
                                    ("purged", "Purged"),
                                ],
                                default="acceptance",
                                max_length=12,
                            ),
                        ),
                        (
                            "reporting_step",
                            models.CharField(
                                choices=[
                                    ("draft", "Draft"),
                                    ("client_review", "Client review"),
                                    ("quality_review", "Quality review"),
                                    ("ready", "Ready to issue"),
                                ],
                                default="draft",
                                max_length=16,
                            ),
                        ),
                        ("report_due", models.DateField(blank=True, null=True)),
                        (
                            "section_four",
                            models.CharField(
                                choices=[
                                    ("criterion", "By criterion, each control at the first it meets"),
                                    ("control", "By control, with a matrix of the criteria"),
                                ],
                                default="criterion",
                                max_length=10,
                                verbose_name="Section IV of the report",
                            ),
                        ),
                        (
                            "accepted_on",
                            models.DateField(blank=True, null=True, verbose_name="acceptance decided on"),
                        ),
                        ("acceptance_note", models.TextField(blank=True, verbose_name="grounds of the acceptance")),
                        (
                            "letter_on",
                            models.DateField(blank=True, null=True, verbose_name="engagement letter executed on"),
                        ),
                        (
                            "letter_signed_for_client",
                            models.CharField(blank=True, max_length=120, verbose_name="signed for the client by"),
                        ),
                        (
                            "letter_signed_for_firm",
                            models.CharField(blank=True, max_length=120, verbose_name="signed for the firm by"),
                        ),
                        ("report_date", models.DateField(blank=True, null=True)),
                        (
                            "incidents_none_statement",
                            models.TextField(
                                blank=True, verbose_name="client's statement that there was no incident"
                            ),
                        ),
                        (
                            "changes_none_statement",
                            models.TextField(
                                blank=True, verbose_name="client's statement that there was no change"
                            ),
                        ),
                        ("frozen_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "ended_at",
                            models.DateTimeField(blank=True, null=True, verbose_name="declined or withdrawn at"),
                        ),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
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
                            "client",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="engagements",
                                to="accounts.serviceorganization",
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
                            "firm",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="engagements",
                                to="accounts.firm",
                            ),
                        ),
                        (
                            "office",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="accounts.office",
                                verbose_name="office that signs",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-created_at"],
                        "permissions": [
                            ("see_engagement", "Open the engagement"),
                            ("see_fieldwork", "See tests, draft results, review notes and the firm's notes"),
                            ("see_trail", "See the engagement's activity"),
                            ("accept_engagement", "Accept, decline or withdraw"),
                            ("manage_engagement", "Set dates, stage and letters"),
                            ("manage_team", "Give and take roles"),
                            ("invite_own", "Invite people of its own organization"),
                            ("edit_scope", "Choose and map controls, keep the firm's side of the scope"),
                            (
                                "edit_registers",
                                "Word controls, keep components, incidents, changes and complementary controls",
                            ),
                            ("manage_requests", "Make, accept and return requests"),
                            ("upload_evidence", "Upload evidence"),
                            ("provide_populations", "Provide population listings"),
                            ("accept_populations", "Accept or refuse population listings"),
                            ("draw_samples", "Draw samples"),
                            ("approve_samples", "Approve a sample smaller than the profile's"),
                            ("record_tests", "Write tests and record results"),
                            ("sign_prepared", "Sign as prepared"),
                            ("sign_reviewed", "Sign as reviewed"),
                            ("sign_partner", "Sign as partner"),
                            ("evaluate_deviations", "Evaluate deviations"),
                            ("conclude_deviations", "Conclude on deviations"),
                            ("see_exceptions", "See exceptions released to the client"),
                            ("respond_exceptions", "Write management's response to exceptions"),
                            ("edit_description", "Write the system description and other information"),
                            ("see_description", "Read the system description"),
                            ("sign_assertion", "Sign the assertion and letters for the client"),
                            ("form_opinion", "Form the opinion and set the report date"),
                            ("render_report", "Render drafts of the report"),
                            ("see_report", "Read drafts of the report"),
                            ("complete_quality_review", "Complete the engagement quality review"),
                            ("approve_issue", "Approve the issue, where the firm asks for two people"),
                            ("issue_report", "Issue the report"),
                            ("close_file", "Lock the file, and hold it back from destruction"),
                            ("add_addenda", "Add addenda to the locked file"),
                            ("take_pack", "Take the whole file along as a pack"),
                            ("purge_file", "Ask for or approve the destruction of the file"),
                            ("manage_distribution", "Invite readers, keep the non-disclosure agreement"),
                            ("see_distribution", "See who received the report"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Component",
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
                                    ("infrastructure", "Infrastructure"),
                                    ("software", "Software"),
                                    ("people", "People"),
                                    ("data", "Data"),
                                    ("procedures", "Procedures"),
                                ],
                                max_length=16,
                            ),
                        ),
                        ("name", models.CharField(max_length=120)),
                        ("description", models.TextField(blank=True)),
                        (
                            "in_boundary",
                            models.BooleanField(default=True, verbose_name="inside the system's boundary"),
                        ),
                        ("reason", models.TextField(blank=True, verbose_name="why it is inside or outside")),
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
                    name="Commitment",
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
                                    ("commitment", "Service commitment"),
                                    ("requirement", "System requirement"),
                                ],
                                max_length=12,
                            ),
                        ),
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
                        ("text", models.TextField()),
                        ("source", models.CharField(max_length=200)),
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
                    name="EngagementMember",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("partner", "Engagement partner"),
                                    ("manager", "Manager"),
                                    ("staff", "Staff"),
                                    ("quality_reviewer", "Engagement quality reviewer"),
                                    ("peer_reviewer", "Peer reviewer"),
                                    ("client_admin", "Client administrator"),
                                    ("control_owner", "Control owner"),
                                    ("signatory", "Signatory"),
                                    ("subservice_contact", "Subservice contact"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("independence_confirmed_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="members",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="roles",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="EngagementUserPermission",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "content_object",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, to="engagements.engagement"
                            ),
                        ),
                        (
                            "permission",
                            models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="auth.permission"),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Incident",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("occurred_on", models.DateField()),
                        ("title", models.CharField(max_length=200)),
                        ("nature", models.TextField(verbose_name="nature, timing, extent or effect, disposition")),
                        (
                            "from_control_failure",
                            models.BooleanField(
                                default=False, verbose_name="controls not suitably designed or not operating"
                            ),
                        ),
                        (
                            "failed_commitment",
                            models.BooleanField(
                                default=False, verbose_name="significant failure to meet a commitment"
                            ),
                        ),
                        (
                            "notification_required",
                            models.BooleanField(
                                default=False, verbose_name="public or legal notification required"
                            ),
                        ),
                        (
                            "disclosed",
                            models.BooleanField(blank=True, null=True, verbose_name="disclosed in the description"),
                        ),
                        ("reason", models.TextField(blank=True, verbose_name="reason of the decision")),
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
                        "ordering": ["occurred_on", "pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="InvitedRole",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("partner", "Engagement partner"),
                                    ("manager", "Manager"),
                                    ("staff", "Staff"),
                                    ("quality_reviewer", "Engagement quality reviewer"),
                                    ("peer_reviewer", "Peer reviewer"),
                                    ("client_admin", "Client administrator"),
                                    ("control_owner", "Control owner"),
                                    ("signatory", "Signatory"),
                                    ("subservice_contact", "Subservice contact"),
                                ],
                                max_length=20,
                            ),
                        ),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="invited",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "invitation",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="accounts.invitation",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="LetterAmendment",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveSmallIntegerField()),
                        ("on", models.DateField(verbose_name="amendment executed on")),
                        ("reason", models.TextField(verbose_name="why the terms change")),
                        (
                            "signed_for_client",
                            models.CharField(max_length=120, verbose_name="signed for the client by"),
                        ),
                        (
                            "signed_for_firm",
                            models.CharField(max_length=120, verbose_name="signed for the firm by"),
                        ),
                        ("changes", models.JSONField(default=dict)),
                        ("recorded_at", models.DateTimeField(auto_now_add=True)),
                        (
                            "engagement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="engagements.engagement",
                            ),
                        ),
                        (
                            "recorded_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["number"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="MonitoringControl",
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
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
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
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="NoIncidentReview",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("statement", models.TextField(verbose_name="statement it corroborates")),
                        ("source", models.TextField(verbose_name="source, and how it was looked at")),
                        ("at", models.DateTimeField(auto_now_add=True)),
                        ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
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
                    name="NonAttestService",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("threats", models.TextField(verbose_name="threats to independence")),
                        ("safeguards", models.TextField(blank=True)),
                        (
                            "effect",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("none", "No threat above an acceptable level"),
                                    ("safeguarded", "Safeguards bring the threats to an acceptable level"),
                                    ("impairs", "Independence is impaired"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("conclusion", models.TextField(blank=True)),
                        ("concluded_at", models.DateTimeField(blank=True, null=True)),
                        ("recorded_at", models.DateTimeField(auto_now_add=True)),
                        ("service", models.CharField(max_length=200, verbose_name="service")),
                        ("starts_on", models.DateField(verbose_name="given from")),
                        ("ends_on", models.DateField(blank=True, null=True, verbose_name="given to")),
                        ("overseer", models.CharField(max_length=120, verbose_name="overseen for the client by")),
                        (
                            "overseer_fitness",
                            models.TextField(verbose_name="skill, knowledge and experience of that person"),
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
                            "recorded_by",
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
                    name="NoThreatStatement",
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
                                    ("services", "The firm gives the client no other service"),
                                    ("providers", "The firm has no relation to the provider of a tool in use"),
                                ],
                                max_length=10,
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
                    name="NotRelevantCriterion",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("reason", models.TextField()),
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
                    ],
                    options={
                        "ordering": ["criterion__position"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="ProviderRelation",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("threats", models.TextField(verbose_name="threats to independence")),
                        ("safeguards", models.TextField(blank=True)),
                        (
                            "effect",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("none", "No threat above an acceptable level"),
                                    ("safeguarded", "Safeguards bring the threats to an acceptable level"),
                                    ("impairs", "Independence is impaired"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("conclusion", models.TextField(blank=True)),
                        ("concluded_at", models.DateTimeField(blank=True, null=True)),
                        ("recorded_at", models.DateTimeField(auto_now_add=True)),
                        ("provider", models.CharField(max_length=200, verbose_name="provider and tool")),
                        (
                            "kinds",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(
                                    choices=[
                                        ("referral", "Referral, or a fee for it"),
                                        ("bundled_fee", "Its price and our fee are bundled"),
                                        ("exclusivity", "Exclusivity"),
                                        ("promotion", "Promotion of one by the other"),
                                        ("evidence_limits", "It limits the evidence we can see"),
                                        ("ownership", "Ownership, investment or common management"),
                                        ("other", "Another relation"),
                                    ],
                                    max_length=16,
                                ),
                                size=None,
                            ),
                        ),
                        ("description", models.TextField(verbose_name="what the relation is")),
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
                            "recorded_by",
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
                    name="RuleOverride",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("rule", models.CharField(max_length=4)),
                        ("subject", models.CharField(max_length=120)),
                        ("text", models.TextField()),
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
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="SubserviceOrganization",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=200)),
                        ("services", models.TextField(verbose_name="services used")),
                        (
                            "method",
                            models.CharField(
                                choices=[("carve_out", "Carve-out"), ("inclusive", "Inclusive")], max_length=10
                            ),
                        ),
                        (
                            "report_period_start",
                            models.DateField(blank=True, null=True, verbose_name="its report covers from"),
                        ),
                        (
                            "report_period_end",
                            models.DateField(blank=True, null=True, verbose_name="its report covers to"),
                        ),
                        (
                            "assertion_received_on",
                            models.DateField(blank=True, null=True, verbose_name="its assertion received on"),
                        ),
                        (
                            "representation_received_on",
                            models.DateField(
                                blank=True, null=True, verbose_name="its representation letter received on"
                            ),
                        ),
                        (
                            "independence_confirmed_on",
                            models.DateField(blank=True, null=True, verbose_name="independence of it confirmed on"),
                        ),
                        ("assertion", models.TextField(blank=True, verbose_name="its assertion, as it is printed")),
                        (
                            "signatory",
                            models.CharField(
                                blank=True, max_length=200, verbose_name="who signed its assertion, name and title"
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
                            "monitoring_controls",
                            models.ManyToManyField(
                                related_name="monitored_subservices",
                                through="engagements.MonitoringControl",
                                to="engagements.control",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["pk"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="SystemChange",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("effective_on", models.DateField()),
                        ("title", models.CharField(max_length=200)),
                        ("description", models.TextField()),
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
                        "ordering": ["effective_on", "pk"],
                        "abstract": False,
                    },
                ),
            ],
        ),
        audit.migrating.AtOnce(
            operations=[
                migrations.AddField(
                    model_name="complementarycontrol",
                    name="criteria",
                    field=models.ManyToManyField(
                        related_name="+", through="engagements.ComplementaryCriterion", to="controls.criterion"
                    ),
                ),
                migrations.AddField(
                    model_name="control",
                    name="criteria",
                    field=models.ManyToManyField(
                        related_name="+", through="engagements.ControlCriterion", to="controls.criterion"
                    ),
                ),
                migrations.AddField(
                    model_name="controlcriterion",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="engagements.engagement"
                    ),
                ),
                migrations.AddField(
                    model_name="control",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="engagements.engagement"
                    ),
                ),
                migrations.AddField(
                    model_name="complementarycriterion",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="engagements.engagement"
                    ),
                ),
                migrations.AddField(
                    model_name="complementarycontrol",
                    name="engagement",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="engagements.engagement"
                    ),
                ),
                migrations.AddField(
                    model_name="monitoringcontrol",
                    name="subservice",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="monitoring",
                        to="engagements.subserviceorganization",
                    ),
                ),
                migrations.AddField(
                    model_name="complementarycontrol",
                    name="subservice",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="complementary",
                        to="engagements.subserviceorganization",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="engagement",
                    constraint=models.UniqueConstraint(
                        fields=("firm", "number"), name="engagement_number_once_per_firm"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="engagement",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("categories__contains", ["security"])),
                        name="engagement_security_always_r08",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="engagement",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("as_of__isnull", False),
                                ("period_end__isnull", True),
                                ("period_start__isnull", True),
                                ("type", "1"),
                            ),
                            models.Q(
                                ("as_of__isnull", True),
                                ("period_end__isnull", False),
                                ("period_start__isnull", False),
                                ("period_start__lt", models.F("period_end")),
                                ("type", "2"),
                            ),
                            _connector="OR",
                        ),
                        name="engagement_dates_of_type_r09",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="engagement",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("letter_on__isnull", True),
                            models.Q(("accepted_on__isnull", False), ("accepted_on__lte", models.F("letter_on"))),
                            _connector="OR",
                        ),
                        name="engagement_accepted_before_letter_r47",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="engagement",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("report_date__isnull", True),
                            models.Q(("report_date__gte", models.F("as_of")), ("type", "1")),
                            models.Q(("report_date__gt", models.F("period_end")), ("type", "2")),
                            _connector="OR",
                        ),
                        name="engagement_report_after_period_r48",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="engagement",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("stage", "acceptance"),
                            ("stage", "declined"),
                            ("accepted_on__isnull", False),
                            _connector="OR",
                        ),
                        name="engagement_work_after_acceptance_r01",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="controlcriterion",
                    constraint=models.UniqueConstraint(fields=("control", "criterion"), name="mapping_once"),
                ),
                migrations.AddConstraint(
                    model_name="control",
                    constraint=models.UniqueConstraint(fields=("engagement", "number"), name="control_number_once"),
                ),
                migrations.AddConstraint(
                    model_name="complementarycriterion",
                    constraint=models.UniqueConstraint(
                        fields=("complementary", "criterion"), name="complementary_mapping_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="engagementmember",
                    constraint=models.UniqueConstraint(fields=("engagement", "user"), name="member_one_role"),
                ),
                migrations.AddConstraint(
                    model_name="engagementmember",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("role", "partner")), fields=("engagement",), name="member_one_partner"
                    ),
                ),
                migrations.AlterUniqueTogether(
                    name="engagementuserpermission",
                    unique_together={("user", "permission", "content_object")},
                ),
                migrations.AddConstraint(
                    model_name="invitedrole",
                    constraint=models.UniqueConstraint(
                        fields=("engagement", "invitation"), name="invited_role_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="letteramendment",
                    constraint=models.UniqueConstraint(
                        fields=("engagement", "number"), name="amendment_number_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="noincidentreview",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=("engagement",),
                        name="no_incident_review_one_standing_r43",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="nonattestservice",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("ends_on__isnull", True), ("ends_on__gte", models.F("starts_on")), _connector="OR"
                        ),
                        name="non_attest_service_days",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="notrelevantcriterion",
                    constraint=models.UniqueConstraint(
                        fields=("engagement", "criterion"), name="not_relevant_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="ruleoverride",
                    constraint=models.UniqueConstraint(
                        fields=("engagement", "rule", "subject"), name="override_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="subserviceorganization",
                    constraint=models.UniqueConstraint(fields=("engagement", "name"), name="subservice_once"),
                ),
                migrations.AddConstraint(
                    model_name="monitoringcontrol",
                    constraint=models.UniqueConstraint(fields=("subservice", "control"), name="monitoring_once"),
                ),
                migrations.AddConstraint(
                    model_name="complementarycontrol",
                    constraint=models.UniqueConstraint(
                        fields=("engagement", "number"), name="complementary_number_once"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="complementarycontrol",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "cuec"), ("subservice__isnull", True)),
                            models.Q(("kind", "csoc"), ("subservice__isnull", False)),
                            _connector="OR",
                        ),
                        name="complementary_side",
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="engagement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="stage_machine",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE _is_valid_transition BOOLEAN;",
                            func='SELECT CONCAT(OLD."stage", \':\', NEW."stage") = ANY(\'{acceptance:scoping,acceptance:declined,scoping:readiness,scoping:observation,scoping:fieldwork,readiness:observation,readiness:fieldwork,observation:fieldwork,fieldwork:reporting,reporting:fieldwork,reporting:issued,issued:locked,issued:reporting,scoping:withdrawn,readiness:withdrawn,observation:withdrawn,fieldwork:withdrawn,reporting:withdrawn,locked:purged,withdrawn:purged}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."stage" IS DISTINCT FROM NEW."stage") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "stage" from "%" to "%" on table %\', OLD."stage", NEW."stage", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                            hash="5c9f42d70825f7182560fca4babc87d8d0305a37",
                            operation="UPDATE",
                            pgid="pgtrigger_stage_machine_eb847",
                            table="engagements_engagement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="engagement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="no_delete",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                            hash="ffa50ca860d4f2c695d6920a2ac9b9721b16aaa8",
                            operation="DELETE",
                            pgid="pgtrigger_no_delete_a1194",
                            table="engagements_engagement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="engagement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="b563983599beed794fc6908d43bc6a7bb9512e53",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_3ac5b",
                            table="engagements_engagement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="engagement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_itself",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE moving text[] := '{stage,frozen_at,reporting_step}'; blanked text[] := '{stage,acceptance_note,incidents_none_statement,changes_none_statement,letter_signed_for_client,letter_signed_for_firm}';",
                            func="\n                    IF OLD.frozen_at IS NOT NULL THEN\n                        IF attestry_purging(OLD.id) AND to_jsonb(NEW) - blanked = to_jsonb(OLD) - blanked THEN\n                            RETURN NEW;\n                        END IF;\n                        IF NEW.frozen_at IS NULL AND OLD.stage <> 'reporting' AND NOT (\n                            OLD.stage = 'issued' AND NEW.stage = 'reporting' AND attestry_reissuing(OLD.id)) THEN\n                            RAISE EXCEPTION 'Engagement % is issued: it stays frozen', OLD.id\n                                USING ERRCODE = 'restrict_violation';\n                        END IF;\n                        IF NEW.frozen_at IS NOT NULL THEN\n                            moving := '{stage}';\n                        END IF;\n                        IF to_jsonb(NEW) - moving <> to_jsonb(OLD) - moving THEN\n                            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.id\n                                USING ERRCODE = 'restrict_violation';\n                        END IF;\n                    END IF;\n                    RETURN NEW;\n                ",
                            hash="ed79774033e7d1c74e3d11abdd2a9eedb1967b98",
                            operation="UPDATE",
                            pgid="pgtrigger_frozen_itself_e3ba3",
                            table="engagements_engagement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="controlcriterion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="bcb8d31b92dc344e47afbf4fe1a06d4f70188f7b",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_dfcf3",
                            table="engagements_controlcriterion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="controlcriterion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="4b695ed839540cf2d8c851148572c178f065c56b",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_156a9",
                            table="engagements_controlcriterion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="control",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="a5560d409553d2d6aee5a00ead8ea4faee883113",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_62ae8",
                            table="engagements_control",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="control",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="a26d6998117784dc659e008cb9ab89817b090a9b",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_04129",
                            table="engagements_control",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="component",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="ecc32c3b68709d6802057013f91cd4275b43d7eb",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_48aec",
                            table="engagements_component",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="component",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="4dc9984d624a47bc14bb29d9dbbd1b3a88146068",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_85a00",
                            table="engagements_component",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="complementarycriterion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="d093f42eed131e7f15df649a9c2f165dca8017f7",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_8adbd",
                            table="engagements_complementarycriterion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="complementarycriterion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="f4ec0c0416a82337739a0a65cab7d0c33f6f0a52",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_779a3",
                            table="engagements_complementarycriterion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="commitment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="21f34e5ff42a25db812d8cccab2d95b10c302521",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_c07f2",
                            table="engagements_commitment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="commitment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="bdc9a3c54e4bd2a77178b284a751e3853c5cc9e2",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_183b3",
                            table="engagements_commitment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="incident",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="9e64c91d361b3b5c30bfb7e21790ec567145cd85",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_0e65a",
                            table="engagements_incident",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="incident",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="65278cc4f9d61e537b6f8258fbbe82b99fdc4a17",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_6803d",
                            table="engagements_incident",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="letteramendment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="855b9ea8a30b8f39c2d3e0de73f0736ab5409a0e",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_d251e",
                            table="engagements_letteramendment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="letteramendment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="3e3eb0430b420c7f282abecaf781b76ec9eb5c40",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_f2b3d",
                            table="engagements_letteramendment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="letteramendment",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="607c372e4d2243ef815c415fc81572e60e213301",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_9f489",
                            table="engagements_letteramendment",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="noincidentreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="df43fc1495c435fcf66c6ede257af9a73ab0bc8d",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_1e3b7",
                            table="engagements_noincidentreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="noincidentreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="80d6e23a50ed542d0915699da095d93b101621ca",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_87b12",
                            table="engagements_noincidentreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="noincidentreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="reviewed_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."at" IS DISTINCT FROM (NEW."at") OR OLD."by_id" IS DISTINCT FROM (NEW."by_id") OR OLD."engagement_id" IS DISTINCT FROM (NEW."engagement_id") OR OLD."source" IS DISTINCT FROM (NEW."source") OR OLD."statement" IS DISTINCT FROM (NEW."statement"))',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="3c19c959c2fa60ee0d2441b815842057fe93b530",
                            operation="UPDATE",
                            pgid="pgtrigger_reviewed_stays_42d53",
                            table="engagements_noincidentreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="noincidentreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="reviewed_stays_never_deleted",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="c511bafea709b68a4d07f40f64e65c9bffb738a5",
                            operation="DELETE",
                            pgid="pgtrigger_reviewed_stays_never_deleted_21719",
                            table="engagements_noincidentreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="noincidentreview",
                    trigger=pgtrigger.compiler.Trigger(
                        name="withdrawn_stays",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."withdrawn_at" IS NOT NULL)',
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                            hash="012adb2b5b5af514f2c5f83427b94fffb4fb515c",
                            operation="UPDATE",
                            pgid="pgtrigger_withdrawn_stays_f40c5",
                            table="engagements_noincidentreview",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="nonattestservice",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="1dd9b3fa6275c1e9de5ab0a85c49a2e37754d068",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_62184",
                            table="engagements_nonattestservice",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="nonattestservice",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="228e90a5566279674d39706371cb9f74ceaa2616",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_f0580",
                            table="engagements_nonattestservice",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="nothreatstatement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="6d8d7192cd831e7bd8c2ee054fcc18ab4a3ded4f",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_5aa46",
                            table="engagements_nothreatstatement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="nothreatstatement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="8f41ff881934b8a61effe8b223d5a667fe6370e5",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_a4bb2",
                            table="engagements_nothreatstatement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="nothreatstatement",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="141af81b1246594380f28edd00441ceb953f547e",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_d7188",
                            table="engagements_nothreatstatement",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="notrelevantcriterion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="f8f5b746387be79bda2c1bdaa2b99caea9bee906",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_3f87f",
                            table="engagements_notrelevantcriterion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="notrelevantcriterion",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="83a720fccd8a4d41a7763c3f6cd5300b235be7ce",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_0857d",
                            table="engagements_notrelevantcriterion",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="providerrelation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="d0fe317b7101f582b81e825241cc8d07b7b2312c",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_20e79",
                            table="engagements_providerrelation",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="providerrelation",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="abb7be10ceb925abb6047a0ddf27ff38466688ba",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_d701c",
                            table="engagements_providerrelation",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="ruleoverride",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="d0afed0083b3bd2fc7bc45a467e968c8a9773f31",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_06488",
                            table="engagements_ruleoverride",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="ruleoverride",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="079c3849e7c9e88d5bfd236bf61debd82e979ce8",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_a7ea4",
                            table="engagements_ruleoverride",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="ruleoverride",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN RETURN OLD; END IF;\n            RAISE EXCEPTION 'pgtrigger: Cannot % rows from % table', lower(TG_OP), TG_TABLE_NAME;\n        ",
                            hash="65dabb598ac262f706845e490db8da176f8d412c",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_c28f5",
                            table="engagements_ruleoverride",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="subserviceorganization",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="f81a0af5c3859e2c8ed8efe2060c956f4657dd5a",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_34705",
                            table="engagements_subserviceorganization",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="subserviceorganization",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="542bf539a0580c311db68b3f207eeb268408ae48",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_a3fd9",
                            table="engagements_subserviceorganization",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="monitoringcontrol",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="0047dbc3d8cf511c8f05c6450877662b4a9166d6",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_3a56c",
                            table="engagements_monitoringcontrol",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="monitoringcontrol",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="fc644decdecf28a99ddec6c64aaf8e41800b515d",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_33fae",
                            table="engagements_monitoringcontrol",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="complementarycontrol",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="5f7f2aff03753cf6e6d168745b550a3ed9b23a35",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_740e4",
                            table="engagements_complementarycontrol",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="complementarycontrol",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="5c7516a7092d1d20d8e1fed03f2209dfb30661a1",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_350ef",
                            table="engagements_complementarycontrol",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="systemchange",
                    trigger=pgtrigger.compiler.Trigger(
                        name="frozen_with_engagement",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            declare="DECLARE frozen timestamptz;",
                            func="\n    IF TG_OP <> 'INSERT' THEN\n        SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = OLD.engagement_id FOR KEY SHARE;\n        IF frozen IS NOT NULL AND TG_OP = 'DELETE' AND attestry_purging(OLD.engagement_id) THEN\n            RETURN OLD;\n        END IF;\n        IF frozen IS NOT NULL THEN\n            RAISE EXCEPTION 'Engagement % is frozen: its report is issued', OLD.engagement_id\n                USING ERRCODE = 'restrict_violation';\n        END IF;\n    END IF;\n    IF TG_OP = 'DELETE' THEN\n        RETURN OLD;\n    END IF;\n    SELECT frozen_at INTO frozen FROM engagements_engagement WHERE id = NEW.engagement_id FOR KEY SHARE;\n    IF frozen IS NOT NULL THEN\n        RAISE EXCEPTION 'Engagement % is frozen: its report is issued', NEW.engagement_id\n            USING ERRCODE = 'restrict_violation';\n    END IF;\n    RETURN NEW;\n",
                            hash="de10ba1945e97ddcbf966638168bf849b67b3042",
                            operation="INSERT OR UPDATE OR DELETE",
                            pgid="pgtrigger_frozen_with_engagement_de82a",
                            table="engagements_systemchange",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="systemchange",
                    trigger=pgtrigger.compiler.Trigger(
                        name="never_emptied",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="\n            IF EXISTS (SELECT 1 FROM engagements_engagement WHERE frozen_at IS NOT NULL) THEN\n                RAISE EXCEPTION '% holds rows of issued reports: it is never emptied', TG_TABLE_NAME\n                    USING ERRCODE = 'restrict_violation';\n            END IF;\n            RETURN NULL;\n        ",
                            hash="1d073335c411c881d84d758d1516f50a3d225be9",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_never_emptied_dc1aa",
                            table="engagements_systemchange",
                            when="BEFORE",
                        ),
                    ),
                ),
            ],
        ),
    ]
