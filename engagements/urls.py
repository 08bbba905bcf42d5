from django.urls import path

from engagements.views import activity, controls, independence, lifecycle, listing, scope, team, tokens

app_name = "engagements"

urlpatterns = [
    # Tokens for programs
    path("account/tokens/new/", tokens.new, name="token_new"),
    # Engagements
    path("engagements/", listing.engagements, name="list"),
    path("engagements/open/", listing.open_new, name="open"),
    path("engagements/<int:pk>/", lifecycle.overview, name="overview"),
    path("engagements/<int:pk>/in-the-way/", lifecycle.standing_in_the_way, name="in_the_way"),
    path("engagements/<int:pk>/acceptance/", lifecycle.acceptance, name="acceptance"),
    path("engagements/<int:pk>/acceptance/independence/", independence.confirm, name="independence"),
    path("engagements/<int:pk>/independence/<slug:kind>/add/", independence.threat_add, name="threat_add"),
    path("engagements/<int:pk>/independence/<slug:kind>/none/", independence.threat_none, name="threat_none"),
    path("engagements/<int:pk>/independence/<slug:kind>/<int:entry>/", independence.threat, name="threat"),
    path(
        "engagements/<int:pk>/independence/<slug:kind>/<int:entry>/conclude/",
        independence.threat_conclude,
        name="threat_conclude",
    ),
    path(
        "engagements/<int:pk>/independence/<slug:kind>/<int:entry>/remove/",
        independence.threat_remove,
        name="threat_remove",
    ),
    path("engagements/<int:pk>/letter/", lifecycle.letter, name="letter"),
    path("engagements/<int:pk>/settings/", lifecycle.settings, name="settings"),
    path("engagements/<int:pk>/stage/<slug:to>/", lifecycle.stage, name="stage"),
    path("engagements/<int:pk>/override/", lifecycle.override, name="override"),
    path("engagements/<int:pk>/leave/", lifecycle.leave, name="leave"),
    # Scope
    path("engagements/<int:pk>/scope/", scope.criteria, name="scope"),
    path("engagements/<int:pk>/criteria/<str:code>/", scope.criterion, name="criterion"),
    path("engagements/<int:pk>/scope/<slug:register>/", scope.entries, name="register"),
    path("engagements/<int:pk>/scope/<slug:register>/add/", scope.add, name="register_add"),
    path("engagements/<int:pk>/scope/<slug:register>/none/", scope.state_none, name="register_none"),
    path("engagements/<int:pk>/scope/incidents/reviewed/", scope.review_none, name="no_incident_review"),
    path("engagements/<int:pk>/scope/<slug:register>/<int:entry>/", scope.edit, name="register_edit"),
    path("engagements/<int:pk>/scope/<slug:register>/<int:entry>/delete/", scope.delete, name="register_delete"),
    # Controls
    path("engagements/<int:pk>/controls/", controls.listing, name="controls"),
    path("engagements/<int:pk>/controls/library/", controls.library, name="library"),
    path("engagements/<int:pk>/controls/add/", controls.add, name="control_add"),
    path("engagements/<int:pk>/controls/owner/", controls.owners, name="controls_owner"),
    path("engagements/<int:pk>/controls/<str:number>/", controls.page, name="control"),
    path("engagements/<int:pk>/controls/<str:number>/wording/", controls.wording, name="control_wording"),
    path("engagements/<int:pk>/controls/<str:number>/mapping/", controls.mapping, name="control_mapping"),
    path("engagements/<int:pk>/controls/<str:number>/owner/", controls.owner, name="control_owner"),
    path("engagements/<int:pk>/controls/<str:number>/remove/", controls.remove, name="control_remove"),
    path("engagements/<int:pk>/controls/<str:number>/restore/", controls.restore, name="control_restore"),
    # Team
    path("engagements/<int:pk>/team/", team.team, name="team"),
    path("engagements/<int:pk>/team/invite/", team.invite, name="team_invite"),
    path("engagements/<int:pk>/team/invited/<int:invitation>/withdraw/", team.withdraw, name="team_withdraw"),
    path("engagements/<int:pk>/team/take-over/", team.take_over, name="take_over"),
    path("engagements/<int:pk>/team/<int:user>/role/", team.role, name="team_role"),
    path("engagements/<int:pk>/team/<int:user>/end/", team.end, name="team_end"),
    # Activity
    path("engagements/<int:pk>/activity/", activity.activity, name="activity"),
    path("engagements/<int:pk>/activity/export.<str:form>", activity.export, name="activity_export"),
    path("engagements/<int:pk>/activity/trail.jsonl", activity.whole, name="trail"),
    path("firm/trail/", activity.firm, name="firm_trail"),
    path("firm/trail/export.<str:form>", activity.firm_export, name="firm_trail_export"),
    path("firm/trail/trail.jsonl", activity.firm_whole, name="firm_trail_whole"),
    path("verify_trail.py", activity.script, name="trail_script"),
]
