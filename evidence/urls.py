"""Routes of requests, evidence and populations."""

from django.urls import path

from evidence.views import (
    asking,
    comments,
    files,
    mail,
    matching,
    populations,
    previews,
    reconciliations,
    requests,
    resumable,
)

app_name = "evidence"

_ENGAGEMENT = "engagements/<int:pk>"
_RECONCILIATION = f"{_ENGAGEMENT}/reconciliations/<int:reconciliation_pk>"

urlpatterns = [
    # requests
    path(f"{_ENGAGEMENT}/requests/", requests.show_requests, name="requests"),
    path(f"{_ENGAGEMENT}/requests/new/", requests.make, name="make_request"),
    path(f"{_ENGAGEMENT}/requests/from-controls/", requests.make_from_controls, name="make_requests"),
    path(f"{_ENGAGEMENT}/requests/from-list/", asking.make_from_list, name="make_from_list"),
    path(f"{_ENGAGEMENT}/requests/import/", asking.import_requests, name="import_requests"),
    path(f"{_ENGAGEMENT}/requests/import/form/", asking.import_form, name="import_form"),
    path(f"{_ENGAGEMENT}/requests/act/", requests.act, name="act_on_requests"),
    path(f"{_ENGAGEMENT}/requests/drop/", matching.drop, name="drop"),
    path(f"{_ENGAGEMENT}/requests/<str:code>/", requests.show_request, name="request"),
    path(f"{_ENGAGEMENT}/requests/<str:code>/edit/", requests.edit, name="edit_request"),
    path(f"{_ENGAGEMENT}/requests/<str:code>/files/", requests.upload, name="upload"),
    path(f"{_ENGAGEMENT}/requests/<str:code>/submit/", requests.submit, name="submit_request"),
    path(f"{_ENGAGEMENT}/requests/<str:code>/accept/", requests.accept, name="accept_request"),
    path(f"{_ENGAGEMENT}/requests/<str:code>/return/", requests.return_, name="return_request"),
    path(f"{_ENGAGEMENT}/requests/<str:code>/assign/", requests.assign, name="assign_request"),
    path(f"{_ENGAGEMENT}/requests/<str:code>/comments/", comments.comment, name="comment"),
    path(f"{_ENGAGEMENT}/requests/<str:code>/aside/", comments.put_aside, name="put_aside"),
    # the firm's lists of requests
    path("firm/requests/", asking.request_lists, name="request_lists"),
    path("firm/requests/<int:list_pk>/", asking.request_list, name="request_list"),
    path("firm/requests/<int:list_pk>/edit/", asking.edit_request_list, name="edit_request_list"),
    path("firm/requests/<int:list_pk>/retire/", asking.retire_request_list, name="retire_request_list"),
    # mail and calendar
    path("account/mail/", mail.mail, name="mail"),
    path("account/calendar/make/", mail.make_calendar, name="make_calendar"),
    path("account/calendar/end/", mail.end_calendar, name="end_calendar"),
    path("mail/stop/<str:token>/", mail.stop_mail, name="stop_mail"),
    path("calendar/<str:secret>.ics", mail.calendar, name="calendar"),
    # files
    path(f"{_ENGAGEMENT}/evidence/", files.show_files, name="files"),
    path(f"{_ENGAGEMENT}/evidence/add/", files.obtain, name="obtain"),
    path(f"{_ENGAGEMENT}/evidence/policy/", files.policy, name="file_policy"),
    path(f"{_ENGAGEMENT}/evidence/<str:code>/", files.show_file, name="file"),
    path(f"{_ENGAGEMENT}/evidence/<str:code>/download/", files.download, name="download"),
    path(f"{_ENGAGEMENT}/evidence/<str:code>/dates/", files.date, name="date_file"),
    path(f"{_ENGAGEMENT}/evidence/<str:code>/explain/", files.explain, name="explain_finding"),
    path(f"{_ENGAGEMENT}/evidence/<str:code>/also/", files.also, name="also_answers"),
    path(f"{_ENGAGEMENT}/evidence/<str:code>/preview/", previews.preview, name="preview"),
    path(f"{_ENGAGEMENT}/evidence/<str:code>/preview/<int:number>/", previews.page, name="preview_page"),
    # resumable uploads
    path(f"{_ENGAGEMENT}/uploads/", resumable.begin, name="begin_upload"),
    path(f"{_ENGAGEMENT}/uploads/<uuid:token>/", resumable.resume, name="resume_upload"),
    # populations
    path(f"{_ENGAGEMENT}/populations/", populations.show_populations, name="populations"),
    path(f"{_ENGAGEMENT}/populations/new/", populations.choose, name="choose_listing"),
    path(f"{_ENGAGEMENT}/populations/new/<str:code>/", populations.provide, name="provide_population"),
    path(f"{_ENGAGEMENT}/populations/<int:population_pk>/", populations.show_population, name="population"),
    path(f"{_ENGAGEMENT}/populations/<int:population_pk>/proof/", populations.prove, name="prove_population"),
    path(f"{_ENGAGEMENT}/populations/<int:population_pk>/accept/", populations.accept, name="accept_population"),
    path(f"{_ENGAGEMENT}/populations/<int:population_pk>/refuse/", populations.refuse, name="refuse_population"),
    path(f"{_ENGAGEMENT}/populations/<int:population_pk>/listing/", populations.download, name="listing"),
    # reconciliations
    path(f"{_ENGAGEMENT}/reconciliations/", reconciliations.show_reconciliations, name="reconciliations"),
    path(f"{_ENGAGEMENT}/reconciliations/new/", reconciliations.begin, name="begin_reconciliation"),
    path(f"{_RECONCILIATION}/", reconciliations.show, name="reconciliation"),
    path(f"{_RECONCILIATION}/match/", reconciliations.match, name="match_reconciliation"),
    path(f"{_RECONCILIATION}/explain/", reconciliations.explain, name="explain_differences"),
    path(f"{_RECONCILIATION}/conclude/", reconciliations.conclude, name="conclude_reconciliation"),
    path(f"{_RECONCILIATION}/redo/", reconciliations.redo, name="redo_reconciliation"),
    path(f"{_RECONCILIATION}/discard/", reconciliations.discard, name="discard_reconciliation"),
]
