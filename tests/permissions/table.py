"""Who may do what at which address: one row for every route, written by hand and not read from the views.

A row names the objects that stand in the address (`World.ids`; a value with "=" stands for itself) and what
GET and POST need: permissions of which one suffices, one of the words below, or None where the route does not
take the method.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from engagements.models import Stage

PUBLIC = "public"  # everybody, also without an account
SIGNED_IN = "signed in"  # every person with an account
FIRM = "firm"  # members of a firm
ADMIN = "admin"  # administrators of a firm
ORGANIZATION = "organization"  # people of the client, and its auditor's administrators
OPENER = "opener"  # members of a firm that has given them the right to open engagements
OPERATOR = "operator"  # runs the installation, with a second factor given in the session
READER = "reader"  # the session of a reader's link

Need = str | tuple[str, ...] | None

WORKING = frozenset({Stage.SCOPING, Stage.FIELDWORK, Stage.REPORTING})
TESTING = frozenset({Stage.FIELDWORK, Stage.REPORTING})
REPORTING = frozenset({Stage.REPORTING})
ISSUED = frozenset({Stage.ISSUED})
ANY = WORKING | ISSUED


@dataclasses.dataclass(frozen=True)
class Row:
    """`at`: the stage at which the objects of the address are there. `acts`: the stages at which POST may change
    anything. `data`: what a person would send; "@item" is the key of that object. `hidden`: people who have the
    right and do not see this object; `refused`: those who see it and may not act on it.
    """

    name: str
    args: tuple[str, ...]
    get: Need
    post: Need
    at: Stage = Stage.REPORTING
    acts: frozenset[Stage] = WORKING
    data: tuple[tuple[str, Any], ...] = ()
    hidden: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    query: str = ""
    # Further methods that it takes; they need what GET needs.
    also: tuple[str, ...] = ()
    # Open to members of the firm who have not confirmed independence yet.
    unconfirmed: bool = False
    # The address or the form names something that is not there: 404 is right too.
    missing: bool = False
    api: bool = False

    @property
    def of_engagement(self) -> bool:
        return bool(self.args) and self.args[0] == "pk"


def row(
    name: str,
    *args: str,
    get: Need = None,
    post: Need = None,
    data: dict[str, Any] | None = None,
    hidden: str = "",
    refused: str = "",
    **others: Any,
) -> Row:
    return Row(
        name,
        args,
        get,
        post,
        data=tuple((data or {}).items()),
        hidden=frozenset(hidden.split()),
        refused=frozenset(refused.split()),
        **others,
    )


SEE_SCOPE = ("see_fieldwork", "see_description")
SEE_CONTROLS = (*SEE_SCOPE, "provide_populations")
INVITERS = ("manage_team", "invite_own")
EITHER_SCOPE = ("edit_scope", "edit_registers")
SEE_REQUESTS = ("see_fieldwork", "upload_evidence")
SEE_LISTINGS = ("see_fieldwork", "provide_populations")
RETURNERS = ("sign_prepared", "sign_reviewed", "sign_partner")
SIGNERS = (*RETURNERS, "complete_quality_review")
REVIEWERS = ("sign_reviewed", "sign_partner", "complete_quality_review")
SEE_EXCEPTIONS = ("see_fieldwork", "see_exceptions")

WORDS = {"title": "Other words", "wording": "Other words.", "description": "Other words."}
REASON = {"reason": "A reason."}
COMPONENT = {"kind": "data", "name": "Ledger entries", "in_boundary": "on"}
TESTED = {"procedure": "Inspected something else.", "kinds": "inspection", "phase": "operating"}

SERVICE = {
    "service": "Tax return",
    "starts_on": "2026-01-01",
    "overseer": "Carla Nord, controller",
    "overseer_fitness": "Certified, ten years in tax.",
    "threats": "Self-review.",
    "safeguards": "Another partner's team.",
}

PLACES = [
    row("healthz", get=PUBLIC),
    row("home", get=SIGNED_IN),
    row("palette", get=SIGNED_IN),
    row("rules", get=SIGNED_IN),
    row("accounts:firm", get=FIRM, post=ADMIN, acts=ANY),
    row("accounts:invitation", "invitation", get=PUBLIC, post=PUBLIC, acts=ANY),
    row("accounts:account", get=SIGNED_IN),
    row("accounts:end_session", "session", post=SIGNED_IN, acts=ANY, missing=True),
    row("accounts:end_sessions", post=SIGNED_IN, acts=ANY),
    row("engagements:token_new", get=SIGNED_IN, post=SIGNED_IN, acts=ANY),
    row("accounts:token_end", "token", post=ADMIN, acts=ANY, hidden="olga"),
    row("accounts:firm_policy", post=ADMIN, acts=ANY),
    row("accounts:firm_single_sign_on", get=ADMIN, post=ADMIN, acts=ANY),
    row(
        "accounts:organization_single_sign_on",
        "organization",
        get=ADMIN,
        post=ADMIN,
        acts=ANY,
        hidden="olga",
        # Only who administers the client from within: its auditor must not be able to become its people.
        refused="petra",
    ),
    row("accounts:single_sign_on", get=PUBLIC),
    row("accounts:single_sign_on_start", "=unknown", get=PUBLIC, missing=True),
    row("accounts:firm_policies", post=ADMIN, acts=ANY),
    row("accounts:certificate", get=ADMIN, post=ADMIN, acts=ANY),
    row("accounts:confirm", get=SIGNED_IN),
    row("accounts:confirmed", get=SIGNED_IN),
    row("accounts:switch", post=SIGNED_IN, acts=ANY),
    row("accounts:office_new", post=ADMIN, acts=ANY),
    row("accounts:office_main", "office", post=ADMIN, acts=ANY, hidden="olga"),
    row("accounts:office_close", "office", post=ADMIN, acts=ANY, hidden="olga"),
    row("accounts:licence_new", post=ADMIN, acts=ANY),
    row("accounts:licence_remove", "licence", post=ADMIN, acts=ANY, hidden="olga"),
    row("accounts:firm_member", "firm_member", get=ADMIN, post=ADMIN, acts=ANY, hidden="olga"),
    row("accounts:organization", "organization", get=ORGANIZATION, post=ADMIN, acts=ANY, hidden="olga"),
    row("accounts:organization_member", "client_member", get=ADMIN, post=ADMIN, acts=ANY, hidden="olga"),
    row("accounts:deactivate", "owen", post=ADMIN, acts=ANY, hidden="olga"),
    row("accounts:reactivate", "owen", post=ADMIN, acts=ANY, hidden="olga"),
]

# The operators' area: nothing of any engagement.
OPERATORS = [
    row("operators:overview", get=OPERATOR),
    row("operators:jobs", get=OPERATOR),
    row("operators:people", get=OPERATOR),
    row("operators:deactivate", "nemo", post=OPERATOR, acts=ANY),
    row("operators:reactivate", "nemo", post=OPERATOR, acts=ANY),
]

# Sign-in, of allauth: nobody signs up. What it answers without an account is never more than a form.
SIGN_IN = [
    row("account_login", get=PUBLIC, post=PUBLIC, acts=ANY),
    row("account_logout", get=PUBLIC, post=PUBLIC, acts=ANY),
    row("account_inactive", get=PUBLIC),
    row("account_signup", get=PUBLIC, post=PUBLIC, acts=ANY),
    row("account_reauthenticate", get=SIGNED_IN, post=SIGNED_IN, acts=ANY),
    row("account_email", get=SIGNED_IN, post=SIGNED_IN, acts=ANY),
    row("account_email_verification_sent", get=PUBLIC),
    row("account_confirm_email", "=unknown", get=PUBLIC, post=PUBLIC, acts=ANY, missing=True),
    row("account_change_password", get=SIGNED_IN, post=SIGNED_IN, acts=ANY),
    row("account_set_password", get=SIGNED_IN, post=SIGNED_IN, acts=ANY),
    row("account_reset_password", get=PUBLIC, post=PUBLIC, acts=ANY),
    row("account_confirm_login_code", get=PUBLIC, post=PUBLIC, acts=ANY),
    row("account_reset_password_done", get=PUBLIC),
    row("account_reset_password_from_key", "=1", "=unknown", get=PUBLIC, post=PUBLIC, acts=ANY),
    row("account_reset_password_from_key_done", get=PUBLIC),
    row("openid_connect_login", "=unknown", get=PUBLIC, post=PUBLIC, acts=ANY, missing=True),
    row("openid_connect_callback", "=unknown", get=PUBLIC, post=PUBLIC, acts=ANY, missing=True),
    row("saml_login", "=unknown", get=PUBLIC, post=PUBLIC, acts=ANY, missing=True),
    row("saml_acs", "=unknown", get=PUBLIC, post=PUBLIC, acts=ANY, missing=True),
    row("saml_finish_acs", "=unknown", get=PUBLIC, post=PUBLIC, acts=ANY, missing=True),
    row("saml_sls", "=unknown", get=PUBLIC, post=PUBLIC, acts=ANY, missing=True),
    row("saml_metadata", "=unknown", get=PUBLIC, post=PUBLIC, acts=ANY, missing=True),
    row("socialaccount_login_cancelled", get=PUBLIC, post=PUBLIC, acts=ANY),
    row("mfa_index", get=SIGNED_IN, post=SIGNED_IN, acts=ANY),
    row("mfa_authenticate", get=PUBLIC, post=PUBLIC, acts=ANY),
    row("mfa_reauthenticate", get=SIGNED_IN, post=SIGNED_IN, acts=ANY),
    row("mfa_activate_totp", get=SIGNED_IN, post=SIGNED_IN, acts=ANY),
    row("mfa_deactivate_totp", get=SIGNED_IN, post=SIGNED_IN, acts=ANY, missing=True),
    row("mfa_view_recovery_codes", get=SIGNED_IN, missing=True),
    row("mfa_generate_recovery_codes", get=SIGNED_IN, post=SIGNED_IN, acts=ANY),
    row("mfa_download_recovery_codes", get=SIGNED_IN, post=SIGNED_IN, acts=ANY, missing=True),
    row("mfa_list_webauthn", get=SIGNED_IN),
    row("mfa_add_webauthn", get=SIGNED_IN, post=SIGNED_IN, acts=ANY),
    row("mfa_edit_webauthn", "=1", get=SIGNED_IN, post=SIGNED_IN, acts=ANY, missing=True),
    row("mfa_remove_webauthn", "=1", get=SIGNED_IN, post=SIGNED_IN, acts=ANY, missing=True),
    row("mfa_reauthenticate_webauthn", get=SIGNED_IN, post=SIGNED_IN, acts=ANY),
    row("mfa_login_webauthn", get=PUBLIC, post=PUBLIC, acts=ANY),
]

ENGAGEMENTS = [
    row("engagements:list", get=SIGNED_IN),
    row("engagements:open", get=OPENER, post=OPENER, acts=ANY),
    row("engagements:overview", "pk", get="see_engagement", unconfirmed=True),
    row("engagements:in_the_way", "pk", get="see_fieldwork"),
    row(
        "engagements:acceptance",
        "pk",
        get="see_fieldwork",
        post="accept_engagement",
        acts=frozenset(),
        data={"on": "2026-01-01", "note": "Known."},
        unconfirmed=True,
    ),
    row("engagements:independence", "pk", post="see_fieldwork", acts=ANY, unconfirmed=True),
    row(
        "engagements:threat_add",
        "pk",
        "=services",
        get="manage_engagement",
        post="manage_engagement",
        data=SERVICE,
    ),
    row("engagements:threat_none", "pk", "=providers", post="manage_engagement"),
    row(
        "engagements:threat",
        "pk",
        "=services",
        "service",
        get="see_fieldwork",
        post="manage_engagement",
        data=SERVICE,
    ),
    row(
        "engagements:threat_conclude",
        "pk",
        "=services",
        "service",
        post="accept_engagement",
        data={"effect": "none", "conclusion": "Small."},
    ),
    row("engagements:threat_remove", "pk", "=services", "service", post="accept_engagement", data=REASON),
    row("engagements:letter", "pk", get=SEE_SCOPE),
    row("engagements:settings", "pk", get="manage_engagement", post="manage_engagement"),
    row("engagements:stage", "pk", "=fieldwork", get="manage_engagement", post="manage_engagement"),
    row(
        "engagements:override",
        "pk",
        get="manage_engagement",
        post="manage_engagement",
        data=REASON,
        query="warning",
        missing=True,
    ),
    row("engagements:leave", "pk", get="accept_engagement", post="accept_engagement", data=REASON),
    # Scope. The report date is set: nothing in it changes any more.
    row("engagements:scope", "pk", get=SEE_SCOPE),
    row("engagements:criterion", "pk", "=CC6.1", get=SEE_SCOPE, post=EITHER_SCOPE, acts=frozenset(), data=REASON),
    row("engagements:register", "pk", "=components", get=SEE_SCOPE),
    row(
        "engagements:register_add",
        "pk",
        "=components",
        get="edit_registers",
        post="edit_registers",
        acts=frozenset(),
        data=COMPONENT,
    ),
    row(
        "engagements:register_none",
        "pk",
        "=incidents",
        get="edit_registers",
        post="edit_registers",
        acts=frozenset(),
        data={"statement": "There was none."},
    ),
    row(
        "engagements:no_incident_review",
        "pk",
        get="record_tests",
        post="record_tests",
        acts=frozenset(),
        data={"statement": "There was none.", "source": "The export of the incident tracker."},
    ),
    row(
        "engagements:register_edit",
        "pk",
        "=components",
        "component",
        get=SEE_SCOPE,
        post="edit_registers",
        acts=frozenset(),
        data=COMPONENT,
    ),
    row(
        "engagements:register_delete",
        "pk",
        "=components",
        "component",
        post="edit_registers",
        acts=frozenset(),
    ),
    # Controls
    row("engagements:controls", "pk", get=SEE_CONTROLS),
    row(
        "engagements:library",
        "pk",
        get="edit_scope",
        post="edit_scope",
        acts=frozenset(),
        data={"codes": ["GOV-01", "GOV-02"]},
    ),
    row(
        "engagements:control_add",
        "pk",
        get="edit_scope",
        post="edit_scope",
        acts=frozenset(),
        data={**WORDS, "number": "NEW-01", "nature": "M", "frequency": "E", "criteria": "CC6.1"},
    ),
    row("engagements:controls_owner", "pk", post=EITHER_SCOPE, acts=frozenset(), data={"ids": "@control_pk"}),
    row("engagements:control", "pk", "control", get=SEE_CONTROLS),
    row(
        "engagements:control_wording",
        "pk",
        "control",
        get="edit_registers",
        post="edit_registers",
        acts=frozenset(),
        data=WORDS,
    ),
    row(
        "engagements:control_mapping",
        "pk",
        "control",
        get="edit_scope",
        post="edit_scope",
        acts=frozenset(),
        data={"criteria": "CC6.7"},
    ),
    row("engagements:control_owner", "pk", "control", get=EITHER_SCOPE, post=EITHER_SCOPE, acts=frozenset()),
    row(
        "engagements:control_remove",
        "pk",
        "control",
        get="edit_scope",
        post="edit_scope",
        acts=frozenset(),
        data=REASON,
    ),
    row("engagements:control_restore", "pk", "removed", post="edit_scope", acts=frozenset()),
    # Team: readers of the file come and go after issue too.
    row("engagements:team", "pk", get="see_engagement", post="manage_team", acts=ANY, unconfirmed=True),
    row("engagements:team_invite", "pk", get=INVITERS, post=INVITERS, acts=ANY),
    row("engagements:team_withdraw", "pk", "promised", post=INVITERS, acts=ANY),
    # Only where the partner is deactivated is there something to take over.
    row(
        "engagements:take_over",
        "pk",
        post=OPENER,
        acts=ANY,
        hidden="petra milan sana quinn ray carla owen sig sub una olga",
    ),
    row("engagements:team_role", "pk", "owen", post="manage_team", acts=ANY, data={"role": "signatory"}),
    row("engagements:team_end", "pk", "owen", post="manage_team", acts=ANY),
    row("engagements:activity", "pk", get="see_trail"),
    row("engagements:activity_export", "pk", "=csv", get="see_trail"),
    row("engagements:trail", "pk", get="see_fieldwork"),
    row("engagements:firm_trail", get=ADMIN),
    row("engagements:firm_trail_export", "=jsonl", get=ADMIN),
    row("engagements:firm_trail_whole", get=ADMIN),
    row("engagements:trail_script", get=SIGNED_IN),
]

# Sub was asked for nothing, Owen for the requests and for the control with its listings.
EVIDENCE = [
    row("evidence:requests", "pk", get=SEE_REQUESTS),
    row(
        "evidence:make_request",
        "pk",
        get="manage_requests",
        post="manage_requests",
        data={"title": "More", "due": "2026-12-01", "priority": "normal"},
    ),
    row("evidence:make_requests", "pk", get="manage_requests", post="manage_requests"),
    row("evidence:act_on_requests", "pk", post=("manage_requests", "manage_distribution")),
    row("evidence:request", "pk", "submitted_request", get=SEE_REQUESTS, hidden="sub"),
    row(
        "evidence:edit_request",
        "pk",
        "draft_request",
        get="manage_requests",
        post="manage_requests",
        data={"title": "More", "due": "2026-12-01", "priority": "normal"},
    ),
    row("evidence:upload", "pk", "open_request", get=SEE_REQUESTS, post="upload_evidence", hidden="sub"),
    row("evidence:submit_request", "pk", "open_request", post="upload_evidence", hidden="sub"),
    row("evidence:accept_request", "pk", "submitted_request", post="manage_requests"),
    row("evidence:return_request", "pk", "submitted_request", post="manage_requests", data=REASON),
    row(
        "evidence:assign_request",
        "pk",
        "open_request",
        post=("manage_requests", "manage_distribution"),
        hidden="sub",
    ),
    row(
        "evidence:make_from_list",
        "pk",
        get="manage_requests",
        post="manage_requests",
        data={"source": "shipped", "lines": "0", "due": "2099-12-01"},
    ),
    row("evidence:import_requests", "pk", get="manage_requests", post="manage_requests"),
    row("evidence:import_form", "pk", get="manage_requests"),
    row(
        "evidence:comment",
        "pk",
        "open_request",
        post=("manage_requests", "complete_quality_review", "upload_evidence"),
        hidden="sub",
        data={"text": "Which tenant?"},
    ),
    row("evidence:put_aside", "pk", "open_request", post=SEE_REQUESTS, hidden="sub"),
    row("evidence:request_lists", get=FIRM, post=FIRM, acts=ANY, data={"name": "Another", "source": "shipped"}),
    row("evidence:request_list", "request_list", get=FIRM, hidden="olga"),
    row("evidence:edit_request_list", "request_list", get=FIRM, post=FIRM, acts=ANY, hidden="olga"),
    row("evidence:retire_request_list", "request_list", post=FIRM, acts=ANY, hidden="olga"),
    row("evidence:mail", get=SIGNED_IN, post=SIGNED_IN, acts=ANY),
    row("evidence:make_calendar", post=SIGNED_IN, acts=ANY),
    row("evidence:end_calendar", post=SIGNED_IN, acts=ANY),
    row("evidence:stop_mail", "stop", get=PUBLIC, post=PUBLIC, acts=ANY),
    row("evidence:calendar", "calendar", get=PUBLIC),
    row("evidence:drop", "pk", get="upload_evidence", post="upload_evidence"),
    row("evidence:files", "pk", get=SEE_REQUESTS),
    row(
        "evidence:file_policy",
        "pk",
        get="manage_engagement",
        post="manage_engagement",
        data={"largest_mb": 50, "quota_gb": 10},
    ),
    row("evidence:begin_upload", "pk", post="upload_evidence"),
    row(
        "evidence:resume_upload",
        "pk",
        "upload",
        get="upload_evidence",
        also=("HEAD", "PATCH", "DELETE"),
        hidden="petra milan sana carla sig sub",
    ),
    row("evidence:preview", "pk", "file", get=SEE_REQUESTS, hidden="sub"),
    # A listing or a log has no pages: 404 for whoever may see it.
    row("evidence:preview_page", "pk", "file", "=1", get=SEE_REQUESTS, hidden="sub", missing=True),
    row("evidence:explain_finding", "pk", "file", post="upload_evidence", hidden="sub"),
    row("evidence:also_answers", "pk", "file", post="upload_evidence", hidden="sub"),
    row("evidence:obtain", "pk", post="record_tests"),
    row("evidence:file", "pk", "file", get=SEE_REQUESTS, hidden="sub"),
    row("evidence:download", "pk", "file", get=SEE_REQUESTS, hidden="sub"),
    row(
        "evidence:date_file",
        "pk",
        "file",
        post="upload_evidence",
        hidden="sub",
        # Of the client's side whoever uploaded it: Owen.
        refused="carla sig",
        data={"speaks_from": "2026-01-01", "speaks_to": "2026-01-02"},
    ),
    row("evidence:populations", "pk", get=SEE_LISTINGS),
    row("evidence:choose_listing", "pk", get="provide_populations", post="provide_populations"),
    row(
        "evidence:provide_population",
        "pk",
        "listing",
        get="provide_populations",
        post="provide_populations",
        hidden="owen",
    ),
    row("evidence:population", "pk", "provided", get=SEE_LISTINGS),
    row("evidence:prove_population", "pk", "provided", post="provide_populations"),
    row(
        "evidence:accept_population",
        "pk",
        "provided",
        post="accept_populations",
        data={"conclusion": "Agreed to the count.", "precision_adequate": "on"},
    ),
    row("evidence:refuse_population", "pk", "provided", post="accept_populations", data=REASON),
    row("evidence:listing", "pk", "provided", get=SEE_LISTINGS),
    row("evidence:reconciliations", "pk", get="see_fieldwork"),
    row("evidence:begin_reconciliation", "pk", get="accept_populations", post="accept_populations"),
    row("evidence:reconciliation", "pk", "reconciliation", get="see_fieldwork"),
    row(
        "evidence:match_reconciliation",
        "pk",
        "reconciliation",
        get="accept_populations",
        post="accept_populations",
        data={"act": "match", "key_0_0": "ticket", "key_0_1": "ticket"},
    ),
    row("evidence:explain_differences", "pk", "reconciliation", post="accept_populations"),
    row(
        "evidence:conclude_reconciliation",
        "pk",
        "reconciliation",
        post="accept_populations",
        data={"conclusion": "Complete."},
    ),
    row("evidence:redo_reconciliation", "pk", "reconciliation", post="accept_populations"),
    row("evidence:discard_reconciliation", "pk", "reconciliation", post="accept_populations"),
]

FIELDWORK = [
    row("fieldwork:testing", "pk", get="see_fieldwork"),
    row("fieldwork:plan", "pk", "control", get="record_tests", post="record_tests", data=TESTED),
    row("fieldwork:test", "pk", "test", get="see_fieldwork"),
    row("fieldwork:beside", "pk", "test", get="see_fieldwork"),
    row(
        "fieldwork:record",
        "pk",
        "test",
        post="record_tests",
        acts=TESTING,
        data={"entries": '[{"item": 1, "attribute": "A", "value": ""}]'},
    ),
    row("fieldwork:changes", "pk", "test", get="see_fieldwork"),
    row("fieldwork:places", "pk", "test", get="see_fieldwork", missing=True),
    row(
        "fieldwork:add_procedure",
        "pk",
        "test",
        "=inquiry",
        get="record_tests",
        post="record_tests",
        acts=TESTING,
        data={"people": "Owner", "on": "2026-09-01", "what": "How.", "outcome": "So."},
    ),
    row("fieldwork:strike_procedure", "pk", "test", "procedure", post="record_tests", acts=TESTING),
    row(
        "fieldwork:copy_test",
        "pk",
        "test",
        get="record_tests",
        post="record_tests",
        data={"controls": "@control_pk"},
    ),
    row("fieldwork:import_programmes", "pk", get="record_tests", post="record_tests"),
    row("fieldwork:example_programme", "pk", get="record_tests"),
    row("fieldwork:scans", "pk", get="see_fieldwork", post="record_tests", acts=TESTING),
    row("fieldwork:take_over_map", "pk", post="record_tests", acts=ANY),
    row("fieldwork:scan", "pk", "scan", get="see_fieldwork"),
    row("fieldwork:scan_check", "pk", "scan", "=s3_bucket_public", get="see_fieldwork"),
    row("fieldwork:fill", "pk", "test", post="record_tests", acts=TESTING),
    row("fieldwork:cite", "pk", "test", post="record_tests", acts=TESTING),
    row("fieldwork:item", "pk", "test", "item", get="see_fieldwork", post="record_tests", acts=TESTING),
    row("fieldwork:unobtainable", "pk", "test", "item", post="record_tests", acts=TESTING),
    row("fieldwork:obtained", "pk", "test", "item", post="record_tests", acts=TESTING),
    row("fieldwork:add_item", "pk", "test", post="record_tests", acts=TESTING, data={"label": "Fourth"}),
    row(
        "fieldwork:add_attribute",
        "pk",
        "test",
        post="record_tests",
        acts=TESTING,
        data={"title": "Fourth", "pass_rule": "It is there."},
    ),
    row(
        "fieldwork:use_sample",
        "pk",
        "test",
        post="record_tests",
        acts=TESTING,
        data={"sample": "@sample"},
        missing=True,
    ),
    row("fieldwork:edit_test", "pk", "test", get="record_tests", post="record_tests", acts=TESTING, data=TESTED),
    row(
        "fieldwork:edit_attribute",
        "pk",
        "test",
        "=A",
        post="record_tests",
        acts=TESTING,
        data={"title": "Other", "pass_rule": "It is there."},
    ),
    row("fieldwork:assign_test", "pk", "test", post="record_tests"),
    row(
        "fieldwork:conclude_test",
        "pk",
        "test",
        get="record_tests",
        post="record_tests",
        acts=TESTING,
        data={"result": "exceptions", "conclusion": "One."},
    ),
    row("fieldwork:sign", "pk", "test", post=SIGNERS, acts=TESTING, data={"step": "prepared"}),
    row("fieldwork:return_test", "pk", "test", get=RETURNERS, post=RETURNERS, acts=TESTING, data=REASON),
    row(
        "fieldwork:raise_exception",
        "pk",
        "test",
        get="record_tests",
        post="record_tests",
        acts=TESTING,
        data=WORDS,
    ),
    row("fieldwork:notes", "pk", "test", get="see_fieldwork", post=REVIEWERS, data={"text": "And now?"}),
    row(
        "fieldwork:note",
        "pk",
        "note",
        post="record_tests",
        data={"text": "An answer."},
    ),
    row("fieldwork:note_list", "pk", get="see_fieldwork"),
    row(
        "fieldwork:notes_at",
        "pk",
        "=exception",
        "deviation",
        get="see_fieldwork",
        post=REVIEWERS,
        data={"text": "And the others?"},
    ),
    row("fieldwork:review", "pk", get=REVIEWERS),
    row("fieldwork:review_one", "pk", "test", get=REVIEWERS),
    row("fieldwork:review_sign", "pk", "test", post=REVIEWERS, acts=TESTING, data={"step": "reviewed"}),
    row("fieldwork:changes_since", "pk", "test", "=1", get="see_fieldwork", missing=True),
    row("fieldwork:progress", "pk", get="see_fieldwork"),
    row("fieldwork:history", "pk", "test", get="see_fieldwork"),
    row(
        "fieldwork:draw",
        "pk",
        "population",
        "control",
        get="draw_samples",
        post="draw_samples",
        acts=TESTING,
        data={"risk": "high"},
    ),
    row(
        "fieldwork:choose",
        "pk",
        "population",
        "control",
        get="draw_samples",
        post="draw_samples",
        acts=TESTING,
        data={"act": "take", "rows": "1", "reason": "The first one."},
    ),
    row("fieldwork:sample", "pk", "sample", get="see_fieldwork"),
    row("fieldwork:sample_record", "pk", "sample", get="see_fieldwork"),
    row("fieldwork:redraw", "pk", "sample", post="see_fieldwork", acts=frozenset()),
    row(
        "fieldwork:expand",
        "pk",
        "sample",
        get="draw_samples",
        post="draw_samples",
        acts=TESTING,
        data={"size": "2", "reason": "Is it an anomaly?"},
    ),
    row("fieldwork:exceptions", "pk", get=SEE_EXCEPTIONS),
    row(
        "fieldwork:exception",
        "pk",
        "deviation",
        get=SEE_EXCEPTIONS,
        post="respond_exceptions",
        data={"text": "We agree."},
    ),
    row(
        "fieldwork:evaluate", "pk", "deviation", get="evaluate_deviations", post="evaluate_deviations", acts=TESTING
    ),
    row(
        "fieldwork:conclude_exception",
        "pk",
        "deviation",
        get="conclude_deviations",
        post="conclude_deviations",
        acts=TESTING,
        data={"effect": "control_effective"},
    ),
    row(
        "fieldwork:reword_exception",
        "pk",
        "deviation",
        get="evaluate_deviations",
        post="evaluate_deviations",
        acts=TESTING,
        data=WORDS,
    ),
    row(
        "fieldwork:dismiss",
        "pk",
        "deviation",
        get="conclude_deviations",
        post="conclude_deviations",
        acts=TESTING,
        data=REASON,
    ),
    row(
        "fieldwork:merge",
        "pk",
        "deviation",
        get="evaluate_deviations",
        post="evaluate_deviations",
        acts=TESTING,
        data=REASON,
    ),
    row(
        "fieldwork:part",
        "pk",
        "deviation",
        get="evaluate_deviations",
        post="evaluate_deviations",
        acts=TESTING,
        data=REASON,
    ),
    row(
        "fieldwork:split",
        "pk",
        "deviation",
        get="evaluate_deviations",
        post="evaluate_deviations",
        acts=TESTING,
        data={**WORDS, **REASON},
    ),
    row("fieldwork:release", "pk", "deviation", post="sign_reviewed", acts=TESTING),
    row("fieldwork:profile", get=FIRM),
    row("fieldwork:approve_profile", "profile", post=ADMIN, acts=ANY),
    row("fieldwork:redraw_script", get=SIGNED_IN),
    row("fieldwork:import_profiles", post=FIRM, acts=ANY),
    row("fieldwork:profile_version", "profile", get=FIRM),
    row("fieldwork:write_profile", "profile", post=FIRM, acts=ANY),
    row("fieldwork:edit_profile", "written", get=FIRM, post=FIRM, acts=ANY, hidden="olga", data={"name": "Ours"}),
    row("fieldwork:propose_profile", "written", post=FIRM, acts=ANY, hidden="olga"),
    row("fieldwork:return_profile", "written", post=FIRM, acts=ANY, hidden="olga", data=REASON),
    row("fieldwork:discard_profile", "written", post=FIRM, acts=ANY, hidden="olga"),
]

REPORTS = [
    row("reports:description", "pk", get="see_description"),
    row("reports:start_description", "pk", post="edit_description"),
    row("reports:retitle", "pk", post="edit_description", data={"title": "Other"}),
    row("reports:complete_description", "pk", post="edit_description"),
    row("reports:read_description", "pk", get="see_description"),
    row("reports:preview", "pk", post=("edit_description", "form_opinion"), acts=frozenset()),
    row(
        "reports:section",
        "pk",
        "part",
        get="see_description",
        post="edit_description",
        data={"body": "Other words.", "version": "@version"},
    ),
    row("reports:revision", "pk", "part", "version", get="see_description"),
    row("reports:draft_letter", "pk", get="manage_engagement", post="manage_engagement", data={"fees": "A fee."}),
    row("reports:amend_letter", "pk", get="manage_engagement", post="manage_engagement", data=REASON),
    row("reports:record_letter", "pk", get="manage_engagement", post="manage_engagement", missing=True),
    row("reports:letter", "pk", "letter", get=SEE_SCOPE, post=("accept_engagement", "sign_assertion")),
    row("reports:withdraw_letter", "pk", "letter", post="manage_engagement", data=REASON),
    row("reports:letter_copy", "pk", "letter", get=SEE_SCOPE),
    row("reports:statements", "pk", get="see_description"),
    row("reports:sign_statement", "pk", "=assertion", get="sign_assertion", post="sign_assertion", acts=TESTING),
    row("reports:signed_statement", "pk", "statement", get="see_description"),
    row("reports:opinion", "pk", get="see_fieldwork"),
    row("reports:add_matter", "pk", get="form_opinion", post="form_opinion", acts=TESTING),
    row(
        "reports:withdraw_matter",
        "pk",
        "matter",
        get="form_opinion",
        post="form_opinion",
        acts=TESTING,
        data=REASON,
    ),
    row(
        "reports:add_paragraph",
        "pk",
        get="form_opinion",
        post="form_opinion",
        acts=TESTING,
        data={"kind": "emphasis", "title": "T", "text": "T.", "reason": "R."},
    ),
    row("reports:remove_paragraph", "pk", "paragraph", post="form_opinion", acts=TESTING),
    row("reports:set_report_date", "pk", post="form_opinion", acts=REPORTING),
    row(
        "reports:form_opinion",
        "pk",
        "=design",
        post="form_opinion",
        acts=REPORTING,
        data={"design-conclusion": "unmodified"},
    ),
    row("reports:report", "pk", get="see_report"),
    row("reports:move_step", "pk", post="manage_engagement", acts=REPORTING, data={"to": "draft"}),
    row(
        "reports:quality_review",
        "pk",
        post="complete_quality_review",
        acts=REPORTING,
        data={"significant_judgements": "None.", "conclusion": "I agree."},
    ),
    row("reports:request_draft", "pk", post="render_report", acts=TESTING),
    row("reports:draft", "pk", "draft", get="see_report"),
    row("reports:draft_progress", "pk", "draft", get=("render_report", "see_fieldwork")),
    row("reports:pages", "pk", get=("see_fieldwork", "edit_description")),
    row("reports:pages_now", "pk", get=("see_fieldwork", "edit_description")),
    row("reports:pages_picture", "pk", "=none", get=("see_fieldwork", "edit_description"), missing=True),
    row("reports:draft_page", "pk", "draft", "=1", get="see_report"),
    row("reports:draft_pdf", "pk", "draft", get="see_report"),
    row(
        "reports:approve_issue",
        "pk",
        post="approve_issue",
        acts=REPORTING,
        data={"draft": "@draft_pk", "password": "@password"},
    ),
    row("reports:withdraw_approval", "pk", post="approve_issue", acts=REPORTING, data={"reason": "R"}),
    row(
        "reports:issue",
        "pk",
        post="issue_report",
        acts=REPORTING,
        data={"draft": "@draft_pk", "password": "@password"},
    ),
    row("reports:issued", "pk", get="see_report", at=Stage.ISSUED),
    row("reports:issued_progress", "pk", get="see_fieldwork", at=Stage.ISSUED),
    row("reports:issued_page", "pk", "=1", get="see_report", at=Stage.ISSUED),
    row("reports:issued_pdf", "pk", get="see_report", at=Stage.ISSUED),
    row("reports:facts", "pk", get="see_fieldwork", at=Stage.ISSUED),
    row(
        "reports:record_fact",
        "pk",
        post=("manage_engagement", "complete_quality_review"),
        at=Stage.ISSUED,
        acts=ISSUED,
        data={"known_on": "2026-01-05", "fact": "A leaver kept access."},
    ),
    row(
        "reports:decide_fact",
        "pk",
        "fact",
        post="issue_report",
        at=Stage.ISSUED,
        acts=ISSUED,
        data={"decision": "stands", "reason": "Immaterial.", "password": "@password"},
    ),
    row("reports:issued_data", "pk", "=json", get="see_report", at=Stage.ISSUED),
    row("reports:description_changes", "pk", get="see_description"),
    row("reports:general_use_report", "pk", get="see_report", at=Stage.ISSUED),
    row("reports:general_use_progress", "pk", get="see_fieldwork", at=Stage.ISSUED),
    row("reports:general_use_page", "pk", "=1", get="see_report", at=Stage.ISSUED),
    row("reports:general_use_pdf", "pk", get="see_report", at=Stage.ISSUED),
    row(
        "reports:issue_general_use",
        "pk",
        post="issue_report",
        at=Stage.ISSUED,
        acts=ISSUED,
        data={"password": "@password"},
    ),
    row("reports:schema", get=PUBLIC),
    row("reports:text", "pk", get="see_fieldwork"),
    # Of the one draft that is there nothing can be compared.
    row("reports:compare", "pk", get="see_report", missing=True),
    row("reports:own_wording", "pk", get="see_fieldwork"),
    row("reports:likeness", "pk", get="see_fieldwork"),
    row("reports:compare_again", "pk", post="render_report", acts=REPORTING),
    row("reports:draft_text", "pk", "draft", get="see_report"),
    row(
        "reports:comment",
        "pk",
        "draft",
        post=("record_tests", "complete_quality_review", "edit_description"),
        acts=REPORTING,
        data={"place": "opinion-scope", "text": "Is that so?"},
    ),
    row(
        "reports:settle_comment",
        "pk",
        "draft",
        "comment",
        post=("record_tests", "complete_quality_review", "edit_description"),
        acts=REPORTING,
        data={"answer": "It is."},
    ),
    row("reports:client_review", "pk", "draft", post="edit_description", acts=REPORTING),
    row("reports:wordings", get=FIRM),
    row(
        "reports:write_wording",
        "=scope",
        get=FIRM,
        post=FIRM,
        acts=ANY,
        data={"text": "We have examined {title}.", "note": "N."},
    ),
    row("reports:wording_version", "wording", get=FIRM, hidden="olga"),
    row(
        "reports:edit_wording",
        "wording",
        get=FIRM,
        post=FIRM,
        acts=ANY,
        hidden="olga",
        data={"text": "Our tests are in {section_controls}.", "note": "N."},
    ),
    row("reports:propose_wording", "wording", post=FIRM, acts=ANY, hidden="olga"),
    row("reports:approve_wording", "wording", post=OPENER, acts=ANY, hidden="olga"),
    row("reports:return_wording", "wording", post=FIRM, acts=ANY, hidden="olga", data=REASON),
    row("reports:retire_wording", "wording", post=OPENER, acts=ANY, hidden="olga", data=REASON),
    row("reports:discard_wording", "wording", post=FIRM, acts=ANY, hidden="olga"),
]

# The closed file.
ARCHIVE = [
    row("archive:file", "pk", get="see_fieldwork"),
    row(
        "archive:lock",
        "pk",
        post="close_file",
        at=Stage.ISSUED,
        acts=ISSUED,
        data={"years": 7, "confirm": "lock", "password": "@password"},
    ),
    row(
        "archive:add_addendum",
        "pk",
        post="add_addenda",
        at=Stage.ISSUED,
        acts=ISSUED,
        data={"reason": "Found later.", "text": "The letter.", "effect": "None: it says the same."},
    ),
    row(
        "archive:review_addendum",
        "pk",
        "=1",
        post="add_addenda",
        at=Stage.ISSUED,
        acts=ISSUED,
        data={"conclusion": "Nothing follows."},
        refused="quinn",
    ),
    row("archive:addendum_file", "pk", "=1", "=1", get="see_fieldwork", at=Stage.ISSUED),
    row("archive:place_hold", "pk", post=("close_file", "add_addenda"), acts=ANY, data=REASON),
    row("archive:lift_hold", "pk", "hold", post="close_file", acts=ANY, data=REASON),
    row("archive:make_pack", "pk", post="take_pack", at=Stage.ISSUED, acts=ISSUED),
    row("archive:pack", "pk", "=1", get="take_pack", at=Stage.ISSUED),
    row("archive:progress", "pk", "=pack", get="see_fieldwork", at=Stage.ISSUED),
    row(
        "archive:ask_purge",
        "pk",
        post="purge_file",
        at=Stage.ISSUED,
        acts=ISSUED,
        data={"reason": "Its time is over.", "confirm": "destroy", "password": "@password"},
    ),
    row("archive:cancel_purge", "pk", post="purge_file", at=Stage.ISSUED, acts=ISSUED),
    row(
        "archive:approve_purge",
        "pk",
        post="purge_file",
        at=Stage.ISSUED,
        acts=ISSUED,
        data={"confirm": "destroy", "password": "@password"},
    ),
    row("archive:certificate", "pk", get="see_fieldwork", at=Stage.ISSUED),
    row("archive:certificate_file", "pk", get="see_fieldwork", at=Stage.ISSUED),
]

DISTRIBUTION = [
    row("distribution:distribution", "pk", get="see_distribution", at=Stage.ISSUED),
    row("distribution:log", "pk", get="see_distribution", at=Stage.ISSUED),
    row(
        "distribution:publish_agreement",
        "pk",
        post="manage_distribution",
        at=Stage.ISSUED,
        acts=ANY,
        data={"text": "Other terms."},
    ),
    row(
        "distribution:invite",
        "pk",
        post="manage_distribution",
        at=Stage.ISSUED,
        acts=ISSUED,
        data={"name": "Ron", "email": "ron@example.com", "company": "Co", "days": "30"},
    ),
    row("distribution:revoke", "pk", "grant", post="manage_distribution", at=Stage.ISSUED, acts=ISSUED),
    row("distribution:send_link", "pk", "grant", post="manage_distribution", at=Stage.ISSUED, acts=ISSUED),
    row("distribution:publish", "pk", post="manage_distribution", at=Stage.ISSUED, acts=ISSUED),
    row("distribution:unpublish", "pk", post="manage_distribution", at=Stage.ISSUED, acts=ISSUED),
    row("distribution:published", "=published-2026-0901", get=PUBLIC, at=Stage.ISSUED),
    row("distribution:published_pdf", "=published-2026-0901", get=PUBLIC, at=Stage.ISSUED),
    row("distribution:verify", get=PUBLIC, post=PUBLIC, at=Stage.ISSUED, acts=frozenset()),
    row("distribution:gate", get=READER, at=Stage.ISSUED),
    row("distribution:accept", post=READER, at=Stage.ISSUED, acts=ISSUED),
    row("distribution:download", post=READER, at=Stage.ISSUED, acts=ISSUED),
    row("distribution:leave", post=PUBLIC, at=Stage.ISSUED, acts=frozenset()),
    row("distribution:open_link", "link", get=PUBLIC, post=PUBLIC, at=Stage.ISSUED, acts=ISSUED),
    row("distribution:ask_link", "link", post=PUBLIC, at=Stage.ISSUED, acts=ISSUED),
]

# Programs sign in as people do; without that they are told so instead of being led to a page.
PROGRAMS = [
    row("api:engagements", get=SIGNED_IN, api=True),
    row("api:engagement", "pk", get="see_engagement", unconfirmed=True, api=True),
    row("api:standing", "pk", "=issue", get="see_fieldwork", api=True),
    row("api:requests", "pk", get=SEE_REQUESTS, api=True),
    row("api:files", "pk", "open_request", get=SEE_REQUESTS, post="upload_evidence", hidden="sub", api=True),
]

TABLE = {
    one.name: one
    for one in (
        *PLACES,
        *OPERATORS,
        *SIGN_IN,
        *ENGAGEMENTS,
        *EVIDENCE,
        *FIELDWORK,
        *REPORTS,
        *ARCHIVE,
        *DISTRIBUTION,
        *PROGRAMS,
    )
}
