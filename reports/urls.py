"""Routes of the description, the statements, the opinion and the report."""

from django.urls import path

from reports import facts_views, general_views, letter_views, preview_views, text_views, views, wording_views

app_name = "reports"

_ENGAGEMENT = "engagements/<int:pk>/"
_DRAFT = f"{_ENGAGEMENT}report/drafts/<int:number>/"
_WORDING = "firm/wording/<int:wording>/"

urlpatterns = [
    # description
    path(f"{_ENGAGEMENT}description/", views.description, name="description"),
    path(f"{_ENGAGEMENT}description/start/", views.start_description, name="start_description"),
    path(f"{_ENGAGEMENT}description/title/", views.retitle, name="retitle"),
    path(f"{_ENGAGEMENT}description/complete/", views.complete_description, name="complete_description"),
    path(f"{_ENGAGEMENT}description/read/", views.read_description, name="read_description"),
    path(f"{_ENGAGEMENT}description/changes/", views.description_changes, name="description_changes"),
    path(f"{_ENGAGEMENT}description/preview/", views.preview, name="preview"),
    path(f"{_ENGAGEMENT}description/<str:part>/", views.section, name="section"),
    path(f"{_ENGAGEMENT}description/<str:part>/<int:version>/", views.revision, name="revision"),
    # the engagement letter
    path(f"{_ENGAGEMENT}letter/draft/", letter_views.draft_letter, name="draft_letter"),
    path(f"{_ENGAGEMENT}letter/amend/", letter_views.amend_letter, name="amend_letter"),
    path(f"{_ENGAGEMENT}letter/elsewhere/", letter_views.record_letter, name="record_letter"),
    path(f"{_ENGAGEMENT}letter/<int:letter>/", letter_views.letter, name="letter"),
    path(f"{_ENGAGEMENT}letter/<int:letter>/withdraw/", letter_views.withdraw_letter, name="withdraw_letter"),
    path(f"{_ENGAGEMENT}letter/<int:letter>/copy/", letter_views.letter_copy, name="letter_copy"),
    # statements
    path(f"{_ENGAGEMENT}statements/", views.statements, name="statements"),
    path(f"{_ENGAGEMENT}statements/signed/<int:statement>/", views.signed_statement, name="signed_statement"),
    path(f"{_ENGAGEMENT}statements/<str:kind>/", views.sign_statement, name="sign_statement"),
    # opinion
    path(f"{_ENGAGEMENT}opinion/", views.opinion_page, name="opinion"),
    path(f"{_ENGAGEMENT}opinion/matters/new/", views.add_matter, name="add_matter"),
    path(f"{_ENGAGEMENT}opinion/matters/<int:number>/withdraw/", views.withdraw_matter, name="withdraw_matter"),
    path(f"{_ENGAGEMENT}opinion/paragraphs/new/", views.add_paragraph, name="add_paragraph"),
    path(
        f"{_ENGAGEMENT}opinion/paragraphs/<int:paragraph>/remove/", views.remove_paragraph, name="remove_paragraph"
    ),
    path(f"{_ENGAGEMENT}opinion/report-date/", views.set_report_date, name="set_report_date"),
    path(f"{_ENGAGEMENT}opinion/<str:limb>/", views.form_opinion, name="form_opinion"),
    # report
    path(f"{_ENGAGEMENT}report/", views.report, name="report"),
    path(f"{_ENGAGEMENT}report/step/", views.move_step, name="move_step"),
    path(f"{_ENGAGEMENT}report/quality-review/", views.quality_review, name="quality_review"),
    path(f"{_ENGAGEMENT}report/preview/", preview_views.pages, name="pages"),
    path(f"{_ENGAGEMENT}report/preview/now/", preview_views.now, name="pages_now"),
    path(f"{_ENGAGEMENT}report/preview/<str:name>.png", preview_views.picture, name="pages_picture"),
    path(f"{_ENGAGEMENT}report/drafts/new/", views.request_draft, name="request_draft"),
    path(f"{_ENGAGEMENT}report/drafts/<int:number>/", views.draft, name="draft"),
    path(f"{_ENGAGEMENT}report/drafts/<int:number>/progress/", views.draft_progress, name="draft_progress"),
    path(f"{_ENGAGEMENT}report/drafts/<int:number>/pages/<int:page>/", views.draft_page, name="draft_page"),
    path(f"{_ENGAGEMENT}report/drafts/<int:number>/pdf/", views.draft_pdf, name="draft_pdf"),
    path(f"{_ENGAGEMENT}report/approve/", views.approve_issue, name="approve_issue"),
    path(f"{_ENGAGEMENT}report/withdraw-approval/", views.withdraw_approval, name="withdraw_approval"),
    path(f"{_ENGAGEMENT}report/issue/", views.issue, name="issue"),
    path(f"{_ENGAGEMENT}report/facts/", facts_views.facts, name="facts"),
    path(f"{_ENGAGEMENT}report/facts/new/", facts_views.record_fact, name="record_fact"),
    path(f"{_ENGAGEMENT}report/facts/<int:fact>/", facts_views.decide_fact, name="decide_fact"),
    path(f"{_ENGAGEMENT}report/issued/", views.issued, name="issued"),
    path(f"{_ENGAGEMENT}report/issued/progress/", views.issued_progress, name="issued_progress"),
    path(f"{_ENGAGEMENT}report/issued/pages/<int:page>/", views.issued_page, name="issued_page"),
    path(f"{_ENGAGEMENT}report/issued/pdf/", views.issued_pdf, name="issued_pdf"),
    path(f"{_ENGAGEMENT}report/issued/data/<slug:form>/", text_views.issued_data, name="issued_data"),
    # the SOC 3 report
    path(f"{_ENGAGEMENT}report/soc-3/", general_views.general_use_report, name="general_use_report"),
    path(f"{_ENGAGEMENT}report/soc-3/issue/", general_views.issue_general_use, name="issue_general_use"),
    path(f"{_ENGAGEMENT}report/soc-3/progress/", general_views.general_use_progress, name="general_use_progress"),
    path(f"{_ENGAGEMENT}report/soc-3/pages/<int:page>/", general_views.general_use_page, name="general_use_page"),
    path(f"{_ENGAGEMENT}report/soc-3/pdf/", general_views.general_use_pdf, name="general_use_pdf"),
    path("schemas/report-data-1.schema.json", text_views.schema, name="schema"),
    # the report as text
    path(f"{_ENGAGEMENT}report/text/", text_views.text, name="text"),
    path(f"{_ENGAGEMENT}report/compare/", text_views.compare, name="compare"),
    path(f"{_ENGAGEMENT}report/own-wording/", text_views.own_wording, name="own_wording"),
    path(f"{_ENGAGEMENT}report/likeness/", text_views.compared, name="likeness"),
    path(f"{_ENGAGEMENT}report/likeness/again/", text_views.compare_again, name="compare_again"),
    path(f"{_DRAFT}text/", text_views.draft_text, name="draft_text"),
    path(f"{_DRAFT}comment/", text_views.comment, name="comment"),
    path(f"{_DRAFT}comments/<int:comment>/settle/", text_views.settle_comment, name="settle_comment"),
    path(f"{_DRAFT}read/", text_views.client_review, name="client_review"),
    # the firm's own words
    path("firm/wording/", wording_views.wordings, name="wordings"),
    path("firm/wording/new/<slug:element>/", wording_views.write_wording, name="write_wording"),
    path(_WORDING, wording_views.wording_version, name="wording_version"),
    path(f"{_WORDING}edit/", wording_views.edit_wording, name="edit_wording"),
    path(f"{_WORDING}propose/", wording_views.propose_wording, name="propose_wording"),
    path(f"{_WORDING}approve/", wording_views.approve_wording, name="approve_wording"),
    path(f"{_WORDING}return/", wording_views.return_wording, name="return_wording"),
    path(f"{_WORDING}retire/", wording_views.retire_wording, name="retire_wording"),
    path(f"{_WORDING}discard/", wording_views.discard_wording, name="discard_wording"),
]
