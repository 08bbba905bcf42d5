"""Forms of the test sheet at work: what its page sends in the background, and the short forms beside it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from engagements.models import Control, Engagement
from evidence.models import EvidenceFile
from fieldwork.forms import OUTCOMES, citable
from fieldwork.models import ControlTest, Procedure
from fieldwork.testing.together import MOST, Change

_PARTS = {"item", "attribute", "value", "evidence", "reference", "note", "seen"}


class EntriesForm(forms.Form):
    """Changes of a sheet as JSON: a list of cells and notes, each with the change that was last seen."""

    entries = forms.JSONField()
    window = forms.CharField(max_length=36, required=False)
    whole = forms.BooleanField(required=False)

    def clean_entries(self) -> list[Change]:
        sent = self.cleaned_data["entries"]
        if not isinstance(sent, list) or not 0 < len(sent) <= MOST:
            raise ValidationError(f"Send 1 to {MOST:,} changes.")
        return [_change(at, one) for at, one in enumerate(sent, start=1)]


def _change(at: int, one: Any) -> Change:
    if not isinstance(one, dict) or not set(one) <= _PARTS:
        raise ValidationError(f"Change {at} is not understood.")
    parts: dict[str, Any] = one
    item, attribute, value, note = (parts.get(name) for name in ("item", "attribute", "value", "note"))
    seen, file, place = one.get("seen", 0), one.get("evidence", ""), one.get("reference")
    words = [part for part in (attribute, value, note, file, place) if part is not None]
    numbers = [item, seen]
    if not all(isinstance(part, str) for part in words) or not all(type(part) is int for part in numbers):
        raise ValidationError(f"Change {at} is not understood.")
    if not all(0 <= part < 1 << 62 for part in numbers) or any("\0" in part for part in words):
        raise ValidationError(f"Change {at} is not understood.")
    if value not in {None, "", *OUTCOMES}:
        raise ValidationError(f"Change {at}: a result is pass, deviation or not applicable.")
    if attribute is None and note is None:
        raise ValidationError(f"Change {at} is not understood.")
    outcome = OUTCOMES.get(value, value) if value is not None else None
    return Change(parts["item"], attribute, outcome, file or "", place, note, seen)


class SinceForm(forms.Form):
    since = forms.IntegerField(min_value=0, max_value=1 << 62)
    window = forms.CharField(max_length=36, required=False)


class ProcedureForm(forms.Form):
    """Who, when, what, corroborated by."""

    people = forms.CharField(max_length=200, help_text="The role, then the name.")
    on = forms.DateField(label="When", widget=forms.DateInput(attrs={"type": "date"}))
    what = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))
    outcome = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}))
    corroborated_by: Any = forms.ModelChoiceField(
        queryset=EvidenceFile.objects.none(), required=False, label="Corroborated by", empty_label="Nothing yet"
    )
    place = forms.CharField(max_length=60, required=False, label="Where in it")

    WORDS = {
        Procedure.INQUIRY: ("Whom you asked", "What you asked", "What they said"),
        Procedure.OBSERVATION: ("Whom you watched", "What you watched", "What you saw"),
        Procedure.REPERFORMANCE: (
            "Who gave what you worked from",
            "What you did again",
            "What came out, and whether it agrees",
        ),
    }

    def __init__(self, *args: Any, test: ControlTest, kind: Procedure, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["people"].label, self.fields["what"].label, self.fields["outcome"].label = self.WORDS[kind]
        field: Any = self.fields["corroborated_by"]
        field.queryset = citable(test.engagement)
        field.label_from_instance = lambda file: f"{file.code} {file.name}"
        if kind == Procedure.INQUIRY and test.phase == ControlTest.Phase.OPERATING:
            field.help_text = "Needed before the test is signed: words alone show nothing of operation."
        self.fields["on"].widget.attrs["max"] = timezone.localdate().isoformat()


class CopyForm(forms.Form):
    controls: Any = forms.ModelMultipleChoiceField(
        queryset=Control.objects.none(),
        label="Controls",
        error_messages={"required": "Choose the controls that get the same test."},
    )

    def __init__(self, *args: Any, test: ControlTest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["controls"]
        field.queryset = (
            Control.objects.filter(engagement=test.engagement)
            .in_scope()
            .exclude(pk=test.control_id)
            .order_by("number")
        )


class ProgrammeFileForm(forms.Form):
    """A file of programmes, or what was read of it, as the page carries it."""

    file = forms.FileField(required=False, label="CSV or XLSX file")
    sealed = forms.CharField(required=False, widget=forms.HiddenInput)
    file.or_another = True  # type: ignore[attr-defined]  # needed, unless the rows come along

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        file = data.get("file")
        if file is None and not data.get("sealed"):
            raise ValidationError({"file": "Choose a file."})
        return data


class ScanForm(forms.Form):
    file: Any = forms.ModelChoiceField(queryset=EvidenceFile.objects.none(), label="File of the scanner")

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["file"]
        field.queryset = citable(engagement).filter(kind__in=["csv", "json"])
        field.label_from_instance = lambda file: f"{file.code} {file.name}"


class MapForm(forms.Form):
    file = forms.FileField(label="Map of checks to criteria (JSON)")
