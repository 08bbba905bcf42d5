"""Routes of the closed file."""

from django.urls import path

from archive import views

app_name = "archive"

_FILE = "engagements/<int:pk>/file/"

urlpatterns = [
    path(_FILE, views.file, name="file"),
    path(f"{_FILE}lock/", views.lock, name="lock"),
    path(f"{_FILE}addenda/", views.add_addendum, name="add_addendum"),
    path(f"{_FILE}addenda/<int:number>/review/", views.review_addendum, name="review_addendum"),
    path(f"{_FILE}addenda/<int:number>/files/<int:place>/", views.addendum_file, name="addendum_file"),
    path(f"{_FILE}holds/", views.place_hold, name="place_hold"),
    path(f"{_FILE}holds/<int:hold>/lift/", views.lift_hold, name="lift_hold"),
    path(f"{_FILE}packs/", views.make_pack, name="make_pack"),
    path(f"{_FILE}packs/<int:number>/", views.pack, name="pack"),
    path(f"{_FILE}progress/<str:kind>/", views.progress, name="progress"),
    path(f"{_FILE}purge/", views.ask_purge, name="ask_purge"),
    path(f"{_FILE}purge/cancel/", views.cancel_purge, name="cancel_purge"),
    path(f"{_FILE}purge/approve/", views.approve_purge, name="approve_purge"),
    path(f"{_FILE}certificate/", views.certificate, name="certificate"),
    path(f"{_FILE}certificate.json", views.certificate_file, name="certificate_file"),
]
