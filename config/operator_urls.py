"""Routes of the operators' area."""

from django.urls import path

from config import operators

app_name = "operators"

urlpatterns = [
    path("", operators.overview, name="overview"),
    path("jobs/", operators.jobs, name="jobs"),
    path("people/", operators.people, name="people"),
    path("people/<int:pk>/deactivate/", operators.deactivate, name="deactivate"),
    path("people/<int:pk>/reactivate/", operators.reactivate, name="reactivate"),
]
