from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    # Invitations
    path("invitation/<str:token>/", views.accept_invitation, name="invitation"),
    # One's own account
    path("account/", views.account, name="account"),
    path("account/sessions/<int:pk>/end/", views.end_one_session, name="end_session"),
    path("account/sessions/end/", views.end_other_sessions, name="end_sessions"),
    path("account/tokens/<int:pk>/end/", views.end_token, name="token_end"),
    path("account/single-sign-on/", views.find_single_sign_on, name="single_sign_on"),
    path("account/single-sign-on/<slug:slug>/", views.start_single_sign_on, name="single_sign_on_start"),
    path("account/confirm/", views.confirm, name="confirm"),
    path("account/confirmed/", views.confirmed, name="confirmed"),
    path("account/organization/", views.switch, name="switch"),
    # The firm
    path("firm/", views.firm, name="firm"),
    path("firm/sign-in/", views.firm_policy, name="firm_policy"),
    path("firm/single-sign-on/", views.firm_single_sign_on, name="firm_single_sign_on"),
    path("firm/policies/", views.firm_policies, name="firm_policies"),
    path("firm/certificate/", views.certificate, name="certificate"),
    path("firm/offices/new/", views.new_office, name="office_new"),
    path("firm/offices/<int:pk>/main/", views.main_office, name="office_main"),
    path("firm/offices/<int:pk>/close/", views.end_office, name="office_close"),
    path("firm/licences/new/", views.new_licence, name="licence_new"),
    path("firm/licences/<int:pk>/remove/", views.end_licence, name="licence_remove"),
    path("firm/people/<int:pk>/", views.firm_member, name="firm_member"),
    # Clients
    path("organizations/<int:pk>/", views.organization, name="organization"),
    path(
        "organizations/<int:pk>/single-sign-on/",
        views.organization_single_sign_on,
        name="organization_single_sign_on",
    ),
    path("organizations/people/<int:pk>/", views.organization_member, name="organization_member"),
    # People
    path("people/<int:pk>/deactivate/", views.deactivate_person, name="deactivate"),
    path("people/<int:pk>/reactivate/", views.reactivate_person, name="reactivate"),
]
