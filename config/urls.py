"""Every route, in the order of the apps."""

from django.urls import URLPattern, URLResolver, include, path

from config import views
from engagements.views import home

handler429 = "accounts.limits.too_many_guesses"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", views.healthz, name="healthz"),
    path("account/", include("allauth.account.urls")),
    path("account/second-factor/", include("accounts.mfa_urls")),
    path("account/", include("allauth.socialaccount.providers.openid_connect.urls")),
    path("account/", include("allauth.socialaccount.providers.saml.urls")),
    path("", include("accounts.urls")),
    path("", home.home, name="home"),
    path("palette/", home.palette, name="palette"),
    path("rules/", home.rules, name="rules"),
    path("", include("engagements.urls")),
    path("", include("evidence.urls")),
    path("", include("fieldwork.urls")),
    path("", include("reports.urls")),
    path("", include("archive.urls")),
    path("", include("distribution.urls")),
    path("operations/", include("config.operator_urls")),
    path("api/", include("config.api")),
]
