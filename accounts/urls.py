from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    # Invitations
    path("invitation/<str:token>/", views.accept_invitation, name="invitation"),
    # The firm
    path("firm/", views.firm, name="firm"),
]
