"""Test programmes from the library, from another control and from a file, each with where it is from."""

from __future__ import annotations

import io

import openpyxl
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from audit.models import Event
from controls.models import LibraryAttribute, LibraryControl
from engagements.models import Control, Engagement
from evidence import tables
from fieldwork import programme_files, programmes, testing
from fieldwork.models import ControlTest
from tests import factories as f
from tests.fieldwork import makers as m

pytestmark = pytest.mark.django_db

HEAD = "Control,Letter,Attribute,Pass rule,Evidence expected,Procedure,Kinds,Phase"


def from_library(engagement: Engagement, code: str, **fields: object) -> Control:
    return m.control(engagement, code, library_control=LibraryControl.objects.get(firm=None, code=code), **fields)


def test_every_shipped_control_has_attributes_to_begin_with() -> None:
    shipped = LibraryControl.objects.filter(firm=None)
    assert not shipped.filter(attributes=None).exists()
    assert LibraryAttribute.objects.count() > 240
    for one in LibraryAttribute.objects.all():
        assert one.title
        assert one.pass_rule.endswith(".")
        assert one.evidence


@pytest.mark.drill
def test_planned_from_the_library_then_copied_to_several_controls() -> None:
    engagement = m.at_fieldwork()
    control = from_library(engagement, "IAM-06")
    client = Client()
    client.force_login(f.person("sana"))
    url = reverse("fieldwork:plan", args=[engagement.pk, control.number])
    page = client.get(url)
    form = page.context["form"]
    lines = form.initial["attributes"].splitlines()
    assert lines[1] == (
        "Disabled in time: The account was disabled within the time the policy gives. | Directory log with the time"
    )
    lines[0] = "Ticket: Raised before the last day."
    sent = {
        "phase": "operating",
        "kinds": ["inspection"],
        "procedure": "Inspected tickets and logs.",
        "attributes": "\n".join([*lines, "Own: Something of ours."]),
        "source": form.initial["source"],
    }
    assert client.post(url, sent).status_code == 302
    test = ControlTest.objects.get()
    origins = {one.title: one.origin for one in test.attributes.all()}
    assert origins["Ticket"] == "Library, IAM-06, reworded"
    assert origins["Disabled in time"] == "Library, IAM-06"
    assert origins["Own"] == ""
    assert test.attributes.get(title="Disabled in time").evidence_expected == "Directory log with the time"
    testing.change_attribute(
        test.attributes.get(title="All systems"), title="All systems", pass_rule="Everywhere.", by=f.person("sana")
    )
    assert test.attributes.get(title="All systems").origin == "Library, IAM-06, reworded"

    others = [m.control(engagement, number) for number in ("IAM-07", "IAM-05")]
    copying = reverse("fieldwork:copy_test", args=[engagement.pk, test.pk])
    assert client.post(copying, {}).status_code == 422
    assert client.get(copying).status_code == 200
    assert client.post(copying, {"controls": [one.pk for one in others]}).status_code == 302
    for one in others:
        made = ControlTest.objects.get(control=one)
        assert made.origin == "Copied from IAM-06.1"
        assert made.procedure == test.procedure
        assert not made.items.exists()
        copied = [
            tuple(row) for row in made.attributes.values_list("letter", "title", "pass_rule", "evidence_expected")
        ]
        assert copied == list(test.attributes.values_list("letter", "title", "pass_rule", "evidence_expected"))
        assert made.attributes.get(letter="A").origin == "Copied from IAM-06.1 A"
    # And one by one, as what another plan begins with.
    again = client.get(reverse("fieldwork:plan", args=[engagement.pk, "IAM-07"]), {"source": test.pk})
    assert again.context["origin"] == "Copied from IAM-06.1"


def test_copying_is_all_or_none() -> None:
    engagement = m.at_fieldwork()
    test = m.planned(engagement)
    fine, gone = m.control(engagement, "IAM-07"), m.control(engagement, "IAM-08")
    Control.objects.filter(pk=gone.pk).update(removed_at="2026-01-01T00:00Z")
    gone.refresh_from_db()
    with pytest.raises(ValidationError, match="out of scope"):
        programmes.copy_to(test, [fine, gone], by=f.person("sana"))
    with pytest.raises(PermissionDenied):
        programmes.copy_to(test, [fine], by=f.person("owen"))
    assert not ControlTest.objects.filter(control=fine).exists()


def test_imported_from_a_file_after_a_look_at_it() -> None:
    engagement = m.at_fieldwork()
    m.control(engagement, "IAM-06")
    from_library(engagement, "IAM-05", typical_test="")
    book = openpyxl.Workbook()
    for row in (
        ["Control ID", "Attribute", "Pass when", "Evidence", "Test procedure", "Method"],
        ["iam-06", "Ticket", "Raised in time.", "Ticket", "Inspected tickets.", "S+R"],
        ["", "", "", "", "", ""],
        ["IAM-06", "Disabled", "Disabled in time.", "", "", ""],
        ["IAM-05", "Approved", "Approved before.", "Approval", "", ""],
    ):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    client = Client()
    client.force_login(f.person("sana"))
    url = reverse("fieldwork:import_programmes", args=[engagement.pk])
    assert client.get(url).status_code == 200
    shown = client.post(url, {"file": SimpleUploadedFile("programmes.xlsx", out.getvalue())})
    assert shown.status_code == 200
    assert not ControlTest.objects.exists(), "a look plans nothing"
    sheet = shown.context["sheet"]
    assert sheet.problems == []
    initial = shown.context["form"].initial
    other = Client()
    other.force_login(f.person("milan"))
    assert other.post(url, initial).status_code == 422, "what Sana was shown, she plans"
    assert client.post(url, initial).status_code == 302
    test = ControlTest.objects.get(control__number="IAM-06")
    assert (test.kinds, test.phase, test.origin) == (
        ["inspection", "reperformance"],
        "operating",
        "programmes.xlsx, from row 2",
    )
    assert list(test.attributes.values_list("letter", "title", "evidence_expected", "origin")) == [
        ("A", "Ticket", "Ticket", "programmes.xlsx, row 2"),
        ("B", "Disabled", "", "programmes.xlsx, row 4"),
    ]
    # What the file leaves open, the library knows.
    assert "sampled grants" in ControlTest.objects.get(control__number="IAM-05").procedure
    assert Event.objects.get(action="test.programmes_imported").detail["tests"] == 2
    assert "Control" in client.get(reverse("fieldwork:example_programme", args=[engagement.pk])).content.decode()


def test_every_wrong_row_is_named_and_nothing_is_planned() -> None:
    engagement = m.at_fieldwork()
    m.control(engagement, "IAM-06", typical_test="")
    rows = [
        HEAD,
        "IAM-99,,Ticket,Raised.,,,,",
        "IAM-06,A,,Raised.,,Inspected.,inquiry,operating",
        "IAM-06,A,Ticket,,,,,",
        "IAM-06,A1,Ticket,Raised.,,,,",
        "IAM-06,A,Ticket,Raised.,,,,design",
        "IAM-06,A,Other,Raised.,,,,",
        "IAM-06,B,ticket,Raised.,,,guess,",
        "IAM-06,B,Three,Raised.,,,,never",
    ]
    sheet = programme_files.read(engagement, table("\n".join(rows)))
    assert [(row, column) for row, column, _ in sheet.problems] == [
        (2, "Control"),
        (3, "Attribute"),
        (3, "Kinds"),
        (4, "Pass rule"),
        (5, "Letter"),
        (6, "Phase"),
        (7, "Letter"),
        (8, "Attribute"),
        (8, "Kinds"),
        (9, "Phase"),
    ]
    with pytest.raises(ValidationError, match="Row 2, Control"):
        programme_files.plan_all(engagement, table("\n".join(rows)), by=f.person("sana"))
    assert not ControlTest.objects.exists()
    for text, words in (
        ("Control,Title\nIAM-06,x\n", "no column “Pass rule”"),
        ("Control,Name,Title,Rule\nIAM-06,x,y,z\n", "Two columns mean “Attribute”"),
        ("", "empty"),
    ):
        with pytest.raises(ValidationError, match=words):
            table(text)


def table(text: str) -> tables.Table:
    return tables.read(io.BytesIO(text.encode()), "rows.csv", programme_files.FORM)
