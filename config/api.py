"""Routes of the interface for programs, in the order of the apps."""

from django.urls import path

from engagements import api as engagements
from evidence import api as evidence

app_name = "api"

urlpatterns = [
    path("engagements/", engagements.engagements, name="engagements"),
    path("engagements/<int:pk>/", engagements.engagement, name="engagement"),
    path("engagements/<int:pk>/standing/<str:step>/", engagements.standing, name="standing"),
    path("engagements/<int:pk>/requests/", evidence.requests, name="requests"),
    path("engagements/<int:pk>/requests/<str:code>/files/", evidence.files, name="files"),
]
