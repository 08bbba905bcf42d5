"""Forms of reconciliations: which listings, how they are matched, why they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from engagements.models import Engagement
from evidence.comparing import MAX_KEYS, Alike, Pair, Settings
from evidence.models import EvidenceFile, ListingDifference, Population, ReconciledListing
from evidence.reconciliations import PATTERNS, Source

LISTED = ["csv", "xlsx", "json", "txt"]
FEWEST_COMPARED, MOST_COMPARED = 3, 12
ALIKE_LABELS = {
    Alike.CASE: "Upper and lower case count as the same",
    Alike.SPACES: "Spaces count once",
    Alike.MAIL: "Of an e-mail address in the key only the part before the @",
    Alike.ZEROS: "Leading zeros in the key count for nothing: 0312 is 312",
}


class BeginForm(forms.Form):
    """The two listings: populations, files that are here, or a new file for the second."""

    pattern = forms.ChoiceField(
        required=False,
        label="Usual pair",
        choices=[("", "Another pair"), *((one.code, one.title) for one in PATTERNS.values())],
        help_text="Says what the listings are called and how such a pair is usually matched.",
    )
    title = forms.CharField(
        required=False, max_length=200, label="What is reconciled", help_text="Empty: as the usual pair is called."
    )
    first = forms.ChoiceField(label="First listing", help_text="Usually the population.")
    first_label = forms.CharField(required=False, max_length=120, label="called")
    second = forms.ChoiceField(required=False, label="Second listing", help_text="The other source.")
    second_label = forms.CharField(required=False, max_length=120, label="called")
    file = forms.FileField(
        required=False,
        label="or a new file as the second",
        help_text="CSV, XLSX or JSON, column names in the first row. Kept as obtained by the auditor.",
    )
    sheet = forms.CharField(required=False, max_length=120, help_text="Of a second file with several sheets.")
    encoding = forms.ChoiceField(
        required=False, choices=[("", "UTF-8 or UTF-16"), ("cp1252", "Windows-1252")], label="Characters"
    )

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.populations = {
            f"p{one.pk}": one
            for one in Population.objects.filter(engagement=engagement)
            .exclude(state__in=[Population.State.REFUSED, Population.State.SUPERSEDED])
            .select_related("file")
        }
        self.received = {
            f"f{one.pk}": one
            for one in EvidenceFile.objects.filter(engagement=engagement, kind__in=LISTED).current().order_by("-pk")
        }
        choices = [
            (
                "Populations",
                [(key, f"{one} {one.name}, {one.row_count:,} rows") for key, one in self.populations.items()],
            ),
            ("Files", [(key, f"{one.code} {one.name}") for key, one in self.received.items()]),
        ]
        for name in ("first", "second"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", "Choose"), *choices]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        usual = PATTERNS.get(data.get("pattern", ""))
        if usual is not None:
            data["title"] = data.get("title") or usual.title
            data["first_label"] = data.get("first_label") or usual.first
            data["second_label"] = data.get("second_label") or usual.second
        elif not data.get("title"):
            self.add_error("title", "Say what is reconciled with what.")
        if bool(data.get("second")) == bool(data.get("file")):
            self.add_error("second", "Choose a listing that is here, or give a new file.")
        return data

    def source(self, name: str, received: EvidenceFile | None = None) -> Source:
        data = self.cleaned_data
        key = data[name]
        file = received or self.received.get(key)
        own = name == "second"
        return Source(
            label=data[f"{name}_label"],
            population=self.populations.get(key),
            file=file,
            sheet=data["sheet"] if own else "",
            encoding=data["encoding"] if own else "",
        )


class MatchForm(forms.Form):
    """Pairs of columns: the keys, and those to compare."""

    alike = forms.MultipleChoiceField(
        required=False,
        choices=[(one.value, label) for one, label in ALIKE_LABELS.items()],
        widget=forms.CheckboxSelectMultiple,
        label="What makes no difference",
    )
    each_once = forms.BooleanField(
        required=False,
        label="Each key stands once in each listing",
        help_text="Off where many belong to one, as laptops to their owner.",
    )
    one_way = forms.BooleanField(
        required=False,
        label="Only the first must be in the second",
        help_text="What stands only in the second is no difference then.",
    )

    def __init__(
        self, *args: Any, first: ReconciledListing, second: ReconciledListing, settings: Settings, **kwargs: Any
    ) -> None:
        initial = {
            "alike": [one.value for one in settings.alike],
            "each_once": settings.each_once,
            "one_way": settings.one_way,
        }
        kwargs["initial"] = initial
        super().__init__(*args, **kwargs)
        rows = min(max(len(settings.compared) + 2, FEWEST_COMPARED), MOST_COMPARED)
        self.names = {
            "key": self._pairs("key", MAX_KEYS, settings.keys, first, second),
            "compare": self._pairs("compare", rows, settings.compared[:rows], first, second),
        }

    def _pairs(
        self, name: str, count: int, chosen: Sequence[Pair], first: ReconciledListing, second: ReconciledListing
    ) -> list[tuple[str, str]]:
        made = []
        for number in range(count):
            pair = []
            for place, listing in enumerate((first, second)):
                field = f"{name}_{number}_{place}"
                self.fields[field] = forms.ChoiceField(
                    required=False,
                    choices=[("", "No column"), *((column, column) for column in listing.columns)],
                    label=f"{'Key' if name == 'key' else 'Compared'} {number + 1}, column of {listing.label}",
                    initial=chosen[number][place] if number < len(chosen) else "",
                )
                pair.append(field)
            made.append((pair[0], pair[1]))
        return made

    @property
    def key_fields(self) -> list[tuple[Any, Any]]:
        return [(self[one], self[other]) for one, other in self.names["key"]]

    @property
    def compare_fields(self) -> list[tuple[Any, Any]]:
        return [(self[one], self[other]) for one, other in self.names["compare"]]

    def clean(self) -> dict[str, Any]:
        for name, pairs in self.names.items():
            chosen = self._chosen(name)
            for one, other in pairs:
                if bool(self.cleaned_data.get(one)) != bool(self.cleaned_data.get(other)):
                    self.add_error(other, "Choose a column of both listings, or of neither.")
            if name == "key" and not chosen and not self.errors:
                self.add_error(pairs[0][0], "Choose the columns that name the same thing in both listings.")
        return self.cleaned_data

    def _chosen(self, name: str) -> tuple[Pair, ...]:
        data = self.cleaned_data
        pairs = ((data.get(one, ""), data.get(other, "")) for one, other in self.names[name])
        return tuple(dict.fromkeys((one, other) for one, other in pairs if one and other))

    def settings(self) -> Settings:
        return Settings(
            keys=self._chosen("key"),
            compared=self._chosen("compare"),
            alike=frozenset(Alike(one) for one in self.cleaned_data["alike"]),
            each_once=self.cleaned_data["each_once"],
            one_way=self.cleaned_data["one_way"],
        )


class ExplainForm(forms.Form):
    """One explanation for the differences picked, or for all that the filter shows."""

    cause = forms.ChoiceField(
        required=False,
        choices=[("", "No explanation yet"), *ListingDifference.Cause.choices],
        label="Why they differ",
    )
    explanation = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2}), label="In words", max_length=4_000
    )
    evidence = forms.ModelChoiceField(
        queryset=EvidenceFile.objects.none(), required=False, empty_label="None", label="Evidence"
    )
    scope = forms.ChoiceField(
        choices=[("picked", "picked"), ("filtered", "filtered")], widget=forms.RadioSelect, initial="picked"
    )

    def __init__(self, *args: Any, engagement: Engagement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["evidence"]
        field.queryset = EvidenceFile.objects.filter(engagement=engagement).current().order_by("-pk")
        field.label_from_instance = lambda file: f"{file.code} {file.name}"


class ConcludeForm(forms.Form):
    conclusion = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        label="What it shows",
        help_text="On the completeness and accuracy of the listing. The record keeps it.",
    )
