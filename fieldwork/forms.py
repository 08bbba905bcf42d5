"""Forms of fieldwork; the flows decide, forms only clean the shape."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.models import User
from controls.models import Criterion
from engagements.models import Commitment, Control, ControlCriterion, Engagement
from engagements.roles import roles_with
from evidence.models import EvidenceFile
from fieldwork import sizes
from fieldwork.models import (
    Attribute,
    ControlTest,
    Deviation,
    ItemResult,
    Procedure,
    Sample,
    SamplingProfile,
    SheetItem,
    effect_words,
)
from fieldwork.testing.planning import Column

_LISTED = re.compile(r"[,;\n]")
_RANGE = re.compile(r"(?P<first>\d{1,6})(?:\s*(?:to|-|–)\s*(?P<last>\d{1,6}))?")
_DIGITS, _MOST_AT_ONCE = 6, 200
_ATTRIBUTE = re.compile(r"(?:(?P<letter>[A-Za-z]{1,2})[.)]\s+)?(?P<title>[^:]{1,60}):\s*(?P<rule>.+)")


def team(engagement: Engagement) -> Any:
    """Who may test in an engagement, by name; its quality reviewer and peer reviewer do not."""
    people = User.objects.filter(roles__engagement=engagement, roles__role__in=roles_with("record_tests"))
    return people.filter(is_active=True).order_by("name")


def citable(engagement: Engagement) -> Any:
    """Current files that a test can cite: obtained by the auditor, or of a request that was handed in."""
    return (
        EvidenceFile.objects.filter(engagement=engagement, replaced_by__isnull=True)
        .handed_in()
        .select_related("request")
        .order_by("pk")
    )


class PlanForm(forms.Form):
    """What is done in a test; attributes one a line, so that they can be pasted."""

    phase = forms.ChoiceField(choices=ControlTest.Phase.choices, label="What it tests")
    kinds = forms.MultipleChoiceField(
        choices=Procedure.choices, widget=forms.CheckboxSelectMultiple, label="Procedures"
    )
    procedure = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        label="What is done",
        help_text="As the report will say it, in the past tense. Inquiry alone is not enough for operation.",
    )
    inquired_of = forms.CharField(
        max_length=200, required=False, label="Inquired of, or observed with", help_text="Role, not only the name."
    )
    attributes = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 5}),
        label="Attributes",
        help_text="One a line: a short title, a colon, when an item passes; after a bar (|) the evidence expected.",
    )
    source = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)
    sample = forms.ModelChoiceField(
        queryset=Sample.objects.none(), required=False, empty_label="No sample", label="Sample"
    )
    items = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        label="Items",
        help_text="Without a sample, one a line: the configurations or instances that are looked at.",
    )
    assigned_to = forms.ModelChoiceField(queryset=User.objects.none(), required=False, label="Who tests")

    def __init__(self, *args: Any, control: Control, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        living = Sample.objects.filter(control=control, voided_at__isnull=True).select_related("population")
        self.choices_of("sample").queryset = living
        self.choices_of("assigned_to").queryset = team(control.engagement)
        if not control.engagement.is_type_2:
            self.fields["phase"] = forms.ChoiceField(
                choices=[(ControlTest.Phase.DESIGN.value, ControlTest.Phase.DESIGN.label)], label="What it tests"
            )
        if not living:
            del self.fields["sample"]

    def choices_of(self, name: str) -> Any:
        return self.fields[name]

    def clean_attributes(self) -> list[Column]:
        return attributes_from(self.cleaned_data["attributes"])

    def clean_items(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["items"].splitlines() if line.strip()]


def attributes_from(text: str) -> list[Column]:
    """Letter, title, rule and evidence expected of every line; letters run on where none is given."""
    found = []
    for number, line in enumerate(line for line in text.splitlines() if line.strip()):
        match = _ATTRIBUTE.fullmatch(line.strip())
        if match is None:
            raise ValidationError(f"Line {number + 1}: write a short title, a colon, and when an item passes.")
        rule, _, evidence = match["rule"].partition(" | ")
        found.append(
            Column((match["letter"] or "").upper(), match["title"].strip(), rule.strip(), evidence.strip())
        )
    return found


def attributes_in_lines(columns: Iterable[Column]) -> str:
    """What `attributes_from` reads."""
    lines = []
    for column in columns:
        line = f"{column.title}: {' '.join(column.pass_rule.split())}"
        lines.append(f"{line} | {' '.join(column.evidence.split())}" if column.evidence else line)
    return "\n".join(lines)


class ChangeTestForm(forms.Form):
    phase = forms.ChoiceField(choices=ControlTest.Phase.choices, label="What it tests")
    kinds = forms.MultipleChoiceField(
        choices=Procedure.choices, widget=forms.CheckboxSelectMultiple, label="Procedures"
    )
    procedure = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), label="What is done")
    inquired_of = forms.CharField(max_length=200, required=False, label="Inquired of, or observed with")


class AttributeForm(forms.Form):
    title = forms.CharField(max_length=60)
    pass_rule = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), label="An item passes when")
    expected = forms.CharField(max_length=400, required=False, label="Evidence expected")


class ItemForm(forms.Form):
    label = forms.CharField(max_length=300, label="Item")


class CiteForm(forms.Form):
    file = forms.ModelChoiceField(queryset=EvidenceFile.objects.none(), label="File")
    note = forms.CharField(max_length=200, required=False, label="Where in it", help_text="Pages, rows or sheet.")

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["file"]
        field.queryset = citable(engagement)
        field.label_from_instance = lambda file: f"{file.code} {file.name}"


OUTCOMES = {"pass": "p", "deviation": "d", "na": "n"}
WORDS = {code: word for word, code in OUTCOMES.items()}


class FillForm(forms.Form):
    """The same result for the empty cells of a column."""

    attribute = forms.ModelChoiceField(queryset=Attribute.objects.none(), empty_label=None)
    outcome = forms.ChoiceField(
        choices=[
            (ItemResult.Outcome.PASS.value, "Pass"),
            (ItemResult.Outcome.NOT_APPLICABLE.value, "Not applicable"),
        ],
        label="Result",
    )
    citation: Any = forms.ModelChoiceField(
        queryset=None, required=False, label="Evidence", empty_label="As the column has it"
    )
    place = forms.CharField(max_length=60, required=False, label="Where in it")

    def __init__(self, *args: Any, test: ControlTest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        attribute: Any = self.fields["attribute"]
        attribute.queryset = test.attributes.all()
        attribute.label_from_instance = lambda one: f"{one.letter} {one.title}"
        cited: Any = self.fields["citation"]
        cited.queryset = test.citations.select_related("file")
        cited.label_from_instance = lambda one: f"{one.file.code} {one.file.name}"


class CellForm(forms.Form):
    """One cell, for browsers without scripts."""

    outcome = forms.ChoiceField(
        choices=[("", "Not looked at yet"), *ItemResult.Outcome.choices],
        required=False,
        widget=forms.RadioSelect,
        label="Result",
    )
    citation: Any = forms.ModelChoiceField(
        queryset=None, required=False, label="Evidence", empty_label="As the column has it"
    )
    place = forms.CharField(max_length=60, required=False, label="Where in it")
    note = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="What was found",
        help_text="For a deviation.",
    )
    # The last change of the sheet when the page was made: what others changed since is not written over.
    seen = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, attribute: Attribute, initial: Any = None) -> None:
        super().__init__(data, prefix=attribute.letter, initial=initial)
        self.attribute = attribute
        cited: Any = self.fields["citation"]
        cited.queryset = attribute.test.citations.select_related("file")
        cited.label_from_instance = lambda one: f"{one.file.code} {one.file.name}"


class UnobtainableForm(forms.Form):
    effect = forms.ChoiceField(
        choices=SheetItem.Unobtainable.choices, widget=forms.RadioSelect, label="It counts as"
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Why it cannot be obtained",
        help_text="And what was tried. The item stays in the sample: none is exchanged for another.",
    )
    citation: Any = forms.ModelChoiceField(
        queryset=None, required=False, label="Evidence of that", empty_label="As the column has it"
    )

    def __init__(self, *args: Any, test: ControlTest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cited: Any = self.fields["citation"]
        cited.queryset = test.citations.select_related("file")
        cited.label_from_instance = lambda one: f"{one.file.code} {one.file.name}"


class ConcludeForm(forms.Form):
    result = forms.ChoiceField(
        choices=[choice for choice in ControlTest.Result.choices if choice[0]],
        widget=forms.RadioSelect,
        label="Result",
    )
    conclusion = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Words after it",
        help_text="Needed when the control was not tested or did not operate: say why.",
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), label="Reason")


class RaiseForm(forms.Form):
    cells = forms.ModelMultipleChoiceField(
        queryset=ItemResult.objects.none(), widget=forms.CheckboxSelectMultiple, required=False, label="Rests on"
    )
    title = forms.CharField(max_length=200, label="In a few words")
    description = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        label="What was found",
        help_text="As the report will say it: how many of how many, and what was wrong.",
    )

    def __init__(self, *args: Any, cells: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["cells"]
        field.queryset = cells
        field.label_from_instance = lambda cell: f"{cell.item} {cell.attribute.letter}: {cell.note}"


class MergeForm(forms.Form):
    into: Any = forms.ModelChoiceField(queryset=None, label="With", empty_label=None, widget=forms.RadioSelect)
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}),
        label="The cause they share",
        help_text="Both stay on record as they stood; the other one is evaluated again.",
    )

    def __init__(self, *args: Any, deviation: Deviation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others: Any = self.fields["into"]
        others.queryset = (
            Deviation.objects.standing()
            .filter(engagement=deviation.engagement, test__phase=deviation.test.phase)
            .exclude(pk=deviation.pk)
            .select_related("control")
        )
        others.label_from_instance = lambda one: _other(one, deviation)


def _other(one: Deviation, deviation: Deviation) -> str:
    if one.test_id == deviation.test_id:
        return f"{one.code} {one.title} (same sheet: merged)"
    return f"{one.code} {one.title} ({one.control})"


class SplitForm(forms.Form):
    cells = forms.ModelMultipleChoiceField(
        queryset=ItemResult.objects.none(), widget=forms.CheckboxSelectMultiple, label="Goes into the new one"
    )
    title = forms.CharField(max_length=200, label="In a few words")
    description = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), label="What was found", help_text="As the report will say it."
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Why it has another cause",
        help_text="Both are evaluated again; how it stood before stays on record.",
    )

    def __init__(self, *args: Any, cells: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["cells"]
        field.queryset = cells
        field.label_from_instance = lambda cell: f"{cell.item} {cell.attribute.letter}: {cell.note}"


class ExpandForm(forms.Form):
    size = forms.IntegerField(min_value=1, label="Further items")
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Why",
        help_text="What makes it likely that the deviation is an anomaly. The items found stay in the sample.",
    )


class WordsForm(forms.Form):
    title = forms.CharField(max_length=200, label="In a few words")
    description = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), label="What was found")


class EvaluateForm(forms.Form):
    cause = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), help_text="Why it happened, as far as known.")
    markers = forms.MultipleChoiceField(
        choices=Deviation.Marker.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="What marks it",
        help_text="Any one makes it systematic. Misses spread over the year are not one of them.",
    )
    type = forms.ChoiceField(choices=Deviation.Type.choices, widget=forms.RadioSelect, label="Kind")
    extent = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}), help_text="How far it reaches: items, dates, people."
    )
    evaluation = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), help_text="What it means for the control, and why."
    )
    effect = forms.ChoiceField(choices=Deviation.Effect.choices, widget=forms.RadioSelect)
    compensating_control = forms.ModelChoiceField(
        queryset=Control.objects.none(), required=False, help_text="In scope, tested, in the same period."
    )
    failed_criteria = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Criteria not met"
    )
    commitments = forms.ModelMultipleChoiceField(
        queryset=Commitment.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Commitments not achieved",
    )

    def __init__(self, *args: Any, deviation: Deviation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        control: Any = self.fields["compensating_control"]
        control.queryset = (
            Control.objects.filter(engagement=deviation.engagement)
            .in_scope()
            .exclude(deviations__in=Deviation.objects.of_one_cause(deviation))
        )
        control.label_from_instance = lambda one: f"{one.number} {one.title}"
        criteria: Any = self.fields["failed_criteria"]
        criteria.choices = [
            (one.pk, f"{one.pk} {one.title}")
            for one in Criterion.objects.filter(
                pk__in=ControlCriterion.objects.filter(
                    control__deviations__in=Deviation.objects.of_one_cause(deviation)
                ).values("criterion")
            ).order_by("position")
        ]
        promises: Any = self.fields["commitments"]
        promises.queryset = Commitment.objects.filter(engagement=deviation.engagement)
        promises.label_from_instance = lambda one: f"{one.get_category_display()}: {one.text[:160]}"
        if not promises.queryset.exists():
            del self.fields["commitments"]
        effects: Any = self.fields["effect"]
        effects.choices = _effects(deviation)


def _effects(deviation: Deviation) -> list[tuple[str, str]]:
    return [(effect.value, effect_words(effect.value, design=deviation.of_design)) for effect in Deviation.Effect]


class ConcludeExceptionForm(forms.Form):
    effect = forms.ChoiceField(choices=Deviation.Effect.choices, widget=forms.RadioSelect, label="Conclusion")
    softer_reason = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Why softer than proposed",
        help_text="Only when it is.",
    )

    def __init__(self, *args: Any, deviation: Deviation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        effects: Any = self.fields["effect"]
        effects.choices = _effects(deviation)


class ResponseForm(forms.Form):
    text = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 6}),
        label="Management's response",
        help_text="What was done or will be done, by whom and by when. It is printed in Section V, unaudited.",
    )


class NoteForm(forms.Form):
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), label="Note")


class DrawForm(forms.Form):
    risk = forms.ChoiceField(choices=Sample.Risk.choices, initial=Sample.Risk.NORMAL)
    method = forms.ChoiceField(
        choices=[
            ("", "As usual for the listing"),
            *(choice for choice in Sample.Method.choices if choice[0] != Sample.Method.TARGETED),
        ],
        required=False,
    )
    size = forms.IntegerField(
        required=False, min_value=1, label="Another size", help_text="Empty: what the profile asks for."
    )
    expected_deviations = forms.IntegerField(
        required=False,
        min_value=0,
        label="Deviations expected",
        help_text="Empty: none. More found than expected, and the sample does not show what it was planned to.",
    )
    smaller_reason = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Why fewer are enough",
        help_text="Fewer than the profile asks for are drawn by a manager or the partner, with a reason.",
    )

    def clean_expected_deviations(self) -> int:
        return self.cleaned_data["expected_deviations"] or 0


class ChooseForm(forms.Form):
    """Rows of a listing that the auditor takes: `row` once for each, `reason_<row>` for its own reason."""

    rows = forms.CharField(
        required=False,
        label="Rows by number",
        help_text="Such as 4, 17, 230 to 232; the first row below the header is 1.",
    )
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Why these items",
        help_text="Such as all changes of the release of 3 May, or accounts with administrator rights.",
        error_messages={"required": "Say why these items: a targeted selection rests on its reason."},
    )

    def __init__(self, *args: Any, most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.most = most

    def clean_rows(self) -> list[int]:
        found: list[int] = []
        for part in _LISTED.split(self.cleaned_data["rows"].strip()):
            if not part:
                continue
            match = _RANGE.fullmatch(part.strip())
            if match is None:
                raise ValidationError(f"{part[:20]!r} is no row or range of rows.")
            first = int(match["first"])
            last = int(match["last"] or first)
            if not 1 <= first <= last <= self.most:
                raise ValidationError(f"{part.strip()}: rows are from 1 to {self.most:,}.")
            found.extend(range(first, min(last, first + _MOST_AT_ONCE) + 1))
        return found

    def chosen(self) -> dict[int, str]:
        """The rows that were picked, each with its reason; those outside of the listing are left to the flow."""
        data: Any = self.data
        ticked = data.getlist("row") if hasattr(data, "getlist") else ()
        rows = [int(one) for one in ticked if one.isdecimal() and len(one) <= _DIGITS]
        rows += (self.cleaned_data if hasattr(self, "cleaned_data") else {}).get("rows") or []
        return {row: data.get(f"reason_{row}", "").strip() for row in dict.fromkeys(rows)}


MAX_PROFILE_BYTES = 1 << 20
_EVENT_ROWS = 8


class ImportForm(forms.Form):
    file = forms.FileField(label="A JSON file in the form of the shipped one")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_PROFILE_BYTES:
            raise ValidationError("The file is larger than 1 MB.")
        return file


class ProfileForm(forms.Form):
    """A profile's sizes as a table of small fields: empty rows are left out, one size may stand for every risk."""

    name = forms.CharField(max_length=120)
    note = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="What changes, and why",
        help_text="Whoever approves it reads this, and peer reviewers later.",
    )

    def __init__(self, *args: Any, profile: SamplingProfile, **kwargs: Any) -> None:
        kwargs["initial"] = {"name": profile.name, "note": profile.note}
        super().__init__(*args, **kwargs)
        self.kept = {name: value for name, value in profile.sizes.items() if name in {"share", "source"}}
        self._frequencies: list[tuple[str, str]] = []
        by_frequency = profile.sizes.get("by_frequency", {})
        for code, name in sizes.FREQUENCIES.items():
            self._add_sizes(f"f_{code}", name, by_frequency.get(code))
            self._frequencies.append((code, name))
        events = profile.sizes.get("event_population", [])
        for number in range(_EVENT_ROWS):
            row = events[number] if number < len(events) else None
            top = forms.CharField(required=False, max_length=6, label=f"Row {number + 1}, up to")
            top.initial = "" if row is None else "more" if row["max"] is None else row["max"]
            self.fields[f"e_{number}_max"] = top
            self._add_sizes(f"e_{number}", f"On event, row {number + 1}", row["n"] if row else None)

    def _add_sizes(self, prefix: str, name: str, value: Any) -> None:
        three = value if isinstance(value, list) else [value] * len(sizes.RISKS)
        for risk, size in zip(sizes.RISKS, three, strict=True):
            field = forms.CharField(required=False, max_length=6, label=f"{name}, {risk} risk")
            field.initial = "" if size is None else size
            self.fields[f"{prefix}_{risk}"] = field

    @property
    def frequency_rows(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "fields": [self[f"f_{code}_{risk}"] for risk in sizes.RISKS]}
            for code, name in self._frequencies
        ]

    @property
    def event_rows(self) -> list[dict[str, Any]]:
        return [
            {"max": self[f"e_{number}_max"], "fields": [self[f"e_{number}_{risk}"] for risk in sizes.RISKS]}
            for number in range(_EVENT_ROWS)
        ]

    def sizes(self) -> dict[str, Any]:
        """What stands in the table, in the form of the shipped file; the flow checks it."""
        made = dict(self.kept)
        by_frequency = {
            code: found for code, _ in self._frequencies if (found := self._row(f"f_{code}")) is not None
        }
        events = []
        for number in range(_EVENT_ROWS):
            found = self._row(f"e_{number}")
            top = self.cleaned_data[f"e_{number}_max"].strip()
            if found is not None or top:
                events.append({"max": None if top.lower() in {"", "more"} else _number(top), "n": found})
        if by_frequency:
            made["by_frequency"] = by_frequency
        if events:
            made["event_population"] = events
        return made

    def _row(self, prefix: str) -> Any:
        three = [self.cleaned_data[f"{prefix}_{risk}"].strip() for risk in sizes.RISKS]
        if not any(three):
            return None
        values = [_number(one) for one in three]
        return values[0] if len(set(map(str, values))) == 1 else values


def _number(text: str) -> int | str:
    """A number as one, anything else as it stands: what is wrong is said where sizes are checked."""
    return int(text) if text.isdecimal() else text.lower()
