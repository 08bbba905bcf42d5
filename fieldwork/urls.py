"""Routes of testing, samples, exceptions and the firm's sampling profile."""

from django.urls import path

from fieldwork.views import (
    exceptions,
    noting,
    obtaining,
    procedures,
    profiles,
    programmes,
    reviewing,
    samples,
    scans,
    sheets,
    testing,
    working,
)

app_name = "fieldwork"

_ENGAGEMENT = "engagements/<int:pk>"
_TEST = f"{_ENGAGEMENT}/testing/<int:test_pk>"
_PROFILE = "firm/sampling/<int:profile_pk>"
_EXCEPTION = f"{_ENGAGEMENT}/exceptions/<str:code>"

urlpatterns = [
    # testing
    path(f"{_ENGAGEMENT}/testing/", testing.listing, name="testing"),
    path(f"{_ENGAGEMENT}/testing/progress/", reviewing.progress, name="progress"),
    path(f"{_ENGAGEMENT}/testing/plan/<str:number>/", testing.plan, name="plan"),
    path(f"{_ENGAGEMENT}/testing/import/", programmes.import_file, name="import_programmes"),
    path(f"{_ENGAGEMENT}/testing/import/example/", programmes.example, name="example_programme"),
    # findings of scanners
    path(f"{_ENGAGEMENT}/testing/scans/", scans.listing, name="scans"),
    path(f"{_ENGAGEMENT}/testing/scans/map/", scans.take_over_map, name="take_over_map"),
    path(f"{_ENGAGEMENT}/testing/scans/<int:scan_pk>/", scans.show, name="scan"),
    path(f"{_ENGAGEMENT}/testing/scans/<int:scan_pk>/<str:check_id>/", scans.check, name="scan_check"),
    # one test
    path(f"{_TEST}/", sheets.show, name="test"),
    path(f"{_TEST}/beside/", sheets.beside, name="beside"),
    path(f"{_TEST}/record/", working.record, name="record"),
    path(f"{_TEST}/changes/", working.changes, name="changes"),
    path(f"{_TEST}/places/", working.places, name="places"),
    path(f"{_TEST}/procedures/<str:kind>/", procedures.add, name="add_procedure"),
    path(f"{_TEST}/procedures/<int:record_pk>/strike/", procedures.strike, name="strike_procedure"),
    path(f"{_TEST}/copy/", programmes.copy, name="copy_test"),
    path(f"{_TEST}/fill/", sheets.fill, name="fill"),
    path(f"{_TEST}/cite/", sheets.cite, name="cite"),
    path(f"{_TEST}/items/<int:item_pk>/", sheets.item, name="item"),
    path(f"{_TEST}/items/<int:item_pk>/unobtainable/", obtaining.unobtainable, name="unobtainable"),
    path(f"{_TEST}/items/<int:item_pk>/obtained/", obtaining.obtained, name="obtained"),
    path(f"{_TEST}/add/item/", sheets.extend, {"what": "item"}, name="add_item"),
    path(f"{_TEST}/add/attribute/", sheets.extend, {"what": "attribute"}, name="add_attribute"),
    path(f"{_TEST}/add/sample/", sheets.extend, {"what": "sample"}, name="use_sample"),
    path(f"{_TEST}/edit/", sheets.edit, name="edit_test"),
    path(f"{_TEST}/attributes/<str:letter>/", sheets.attribute, name="edit_attribute"),
    path(f"{_TEST}/assign/", sheets.assign, name="assign_test"),
    path(f"{_TEST}/conclude/", sheets.conclude, name="conclude_test"),
    path(f"{_TEST}/sign/", sheets.sign, name="sign"),
    path(f"{_TEST}/return/", sheets.return_, name="return_test"),
    path(f"{_TEST}/exception/", sheets.raise_exception, name="raise_exception"),
    path(f"{_TEST}/notes/", noting.at_test, name="notes"),
    path(f"{_TEST}/changes/<int:sign_off_pk>/", reviewing.changes, name="changes_since"),
    path(f"{_TEST}/history/", sheets.history, name="history"),
    # review
    path(f"{_ENGAGEMENT}/review/", reviewing.queue, name="review"),
    path(f"{_ENGAGEMENT}/review/<int:test_pk>/", reviewing.one, name="review_one"),
    path(f"{_ENGAGEMENT}/review/<int:test_pk>/sign/", reviewing.sign, name="review_sign"),
    path(f"{_ENGAGEMENT}/notes/", noting.listing, name="note_list"),
    path(f"{_ENGAGEMENT}/notes/<int:note_pk>/", noting.act, name="note"),
    path(f"{_ENGAGEMENT}/notes/<str:kind>/<str:key>/", noting.at, name="notes_at"),
    # samples
    path(f"{_ENGAGEMENT}/samples/draw/<int:population_pk>/<str:number>/", samples.draw, name="draw"),
    path(f"{_ENGAGEMENT}/samples/choose/<int:population_pk>/<str:number>/", samples.choose, name="choose"),
    path(f"{_ENGAGEMENT}/samples/<int:sample_pk>/", samples.show, name="sample"),
    path(f"{_ENGAGEMENT}/samples/<int:sample_pk>/record/", samples.record, name="sample_record"),
    path(f"{_ENGAGEMENT}/samples/<int:sample_pk>/expand/", samples.expand, name="expand"),
    path(f"{_ENGAGEMENT}/samples/<int:sample_pk>/again/", samples.again, name="redraw"),
    # exceptions
    path(f"{_ENGAGEMENT}/exceptions/", exceptions.listing, name="exceptions"),
    path(f"{_EXCEPTION}/", exceptions.show, name="exception"),
    path(f"{_EXCEPTION}/evaluate/", exceptions.evaluate, name="evaluate"),
    path(f"{_EXCEPTION}/conclude/", exceptions.conclude, name="conclude_exception"),
    path(f"{_EXCEPTION}/words/", exceptions.reword, name="reword_exception"),
    path(f"{_EXCEPTION}/merge/", exceptions.merge, name="merge"),
    path(f"{_EXCEPTION}/part/", exceptions.part, name="part"),
    path(f"{_EXCEPTION}/split/", exceptions.split, name="split"),
    path(f"{_EXCEPTION}/dismiss/", exceptions.dismiss, name="dismiss"),
    path(f"{_EXCEPTION}/release/", exceptions.release, name="release"),
    # the firm
    path("firm/sampling/", profiles.show, name="profile"),
    path("firm/sampling/script/", samples.script, name="redraw_script"),
    path("firm/sampling/import/", profiles.import_file, name="import_profiles"),
    path(f"{_PROFILE}/", profiles.version, name="profile_version"),
    path(f"{_PROFILE}/copy/", profiles.write, name="write_profile"),
    path(f"{_PROFILE}/edit/", profiles.edit, name="edit_profile"),
    path(f"{_PROFILE}/propose/", profiles.propose, name="propose_profile"),
    path(f"{_PROFILE}/return/", profiles.return_, name="return_profile"),
    path(f"{_PROFILE}/discard/", profiles.discard, name="discard_profile"),
    path(f"{_PROFILE}/approve/", profiles.approve, name="approve_profile"),
]
