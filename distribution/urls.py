"""Distribution: for the team of the engagement, and the reader's three pages."""

from django.urls import path

from distribution import views

app_name = "distribution"

urlpatterns = [
    path("engagements/<int:pk>/distribution/", views.distribution, name="distribution"),
    path("engagements/<int:pk>/distribution/log.csv", views.log, name="log"),
    path("engagements/<int:pk>/distribution/agreement/", views.publish_agreement, name="publish_agreement"),
    path("engagements/<int:pk>/distribution/invite/", views.invite, name="invite"),
    path("engagements/<int:pk>/distribution/readers/<int:grant>/revoke/", views.revoke, name="revoke"),
    path("engagements/<int:pk>/distribution/readers/<int:grant>/link/", views.send_link, name="send_link"),
    path("engagements/<int:pk>/distribution/soc-3/", views.publish, name="publish"),
    path("engagements/<int:pk>/distribution/soc-3/end/", views.unpublish, name="unpublish"),
    # For everybody: the SOC 3 report where the client publishes it
    path("soc-3/<str:address>/", views.published, name="published"),
    path("soc-3/<str:address>/report.pdf", views.published_pdf, name="published_pdf"),
    # For whoever holds a file
    path("verify/", views.verify, name="verify"),
    # The reader's way
    path("read/", views.gate, name="gate"),
    path("read/accept/", views.accept, name="accept"),
    path("read/report/", views.download, name="download"),
    path("read/leave/", views.leave, name="leave"),
    path("read/<str:token>/", views.open_link, name="open_link"),
    path("read/<str:token>/again/", views.ask_link, name="ask_link"),
]
