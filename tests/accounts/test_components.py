"""The components that every page uses, as the templates write them."""

import datetime as dt
from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory

from accounts.listing import narrow
from accounts.templatetags import ui


def render(source: str, **context: Any) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


class Terms(forms.Form):
    name = forms.CharField(help_text="As the report gives it.")
    categories = forms.MultipleChoiceField(
        choices=[("S", "Security"), ("A", "Availability")], widget=forms.CheckboxSelectMultiple
    )
    carved_out = forms.BooleanField(required=False)

    def clean(self) -> None:
        raise forms.ValidationError("The period ends before it begins.")


def test_a_state_gets_its_colour_and_reads_as_words() -> None:
    assert render("{% pill 'in_testing' %}") == '<span class="pill acc">in testing</span>'
    assert render("{% pill 'accepted' 'Accepted by J. Okafor' %}") == (
        '<span class="pill ok">Accepted by J. Okafor</span>'
    )
    assert 'class="pill warn"' in render("{% pill 'accepted' kind='warn' %}")
    assert 'class="pill idle"' in render("{% pill 'a state nobody knows' %}")


def test_what_a_person_wrote_is_escaped() -> None:
    nasty = "<script>alert(1)</script>"
    finding = {"rule": "R13", "text": nasty, "url": "/", "label": nasty, "severity": "block"}
    pages = [
        render("{% pill x %}", x=nasty),
        render("{% facts 'Name' x %}", x=nasty),
        render("{% breadcrumb x '/' x %}", x=nasty),
        render("{% blockers x x %}", x=[finding]),
        render("{% confirm id='a' title=x action='/' word=x csrf='t' %}{{ x }}{% endconfirm %}", x=nasty),
        render("{% empty x x %}", x=nasty),
        render(
            "{% heat x %}",
            x=[{"code": nasty, "cells": [{"code": nasty, "url": "/", "state": nasty, "note": nasty}]}],
        ),
    ]
    assert all("<script" not in page for page in pages)


@pytest.mark.parametrize(
    ("days", "kind", "words"),
    [
        (-1, "bad", "1 day late"),
        (-12, "bad", "12 days late"),
        (0, "warn", "today"),
        (1, "warn", "tomorrow"),
        (9, "idle", "in 9 days"),
    ],
)
def test_a_due_date_says_how_far_away_it_is(days: int, kind: str, words: str) -> None:
    today = dt.date(2026, 3, 1)
    page = render("{% due day today %}", day=today + dt.timedelta(days=days), today=today)
    assert f'class="pill {kind}"' in page
    assert f">{words}<" in page


def test_dates_sizes_and_hashes() -> None:
    assert render("{{ x|day }}", x=dt.date(2025, 10, 1)) == "1 Oct 2025"
    assert render("{% span a b %}", a=dt.date(2025, 10, 1), b=dt.date(2026, 9, 30)) == "1 Oct 2025 – 30 Sep 2026"
    assert [ui.as_size(n) for n in (0, 812, 14_200, 3_100_000)] == ["0 B", "812 B", "14.2 kB", "3.1 MB"]
    assert render("{{ x|pct }}", x=0.2142) == "21.4%"
    page = render("{% short_hash x %}", x="9f2c" + "0" * 57 + "e81")
    assert "9f2c…e81" in page
    assert "9f2c000" in page


def test_a_wrong_field_says_so_at_the_field_and_on_top() -> None:
    form = Terms({"name": ""})
    page = render("{% error_summary form %}{% field form.name %}{% field form.categories %}", form=form)
    assert 'aria-describedby="id_name_help id_name_error"' in page
    assert 'aria-invalid="true"' in page
    assert 'id="id_name_error"' in page
    assert 'href="#id_name"' in page
    assert "The period ends before it begins." in page
    assert "<fieldset" in page
    assert page.count('type="checkbox"') == 2


def test_a_field_takes_attributes_and_another_help() -> None:
    page = render("{% field form.name help='Short.' data_select='1' %}", form=Terms())
    assert 'data-select="1"' in page
    assert "Short." in page
    assert "As the report gives it." not in page


def test_a_final_act_asks_for_its_word() -> None:
    page = render(
        "{% confirm id='issue' title='Issue' action='/issue' word='issue' csrf='token' %}"
        "<p>Final.</p>{% endconfirm %}"
    )
    assert '<form method="post" action="/issue">' in page
    assert 'value="token"' in page
    assert 'name="confirm" required pattern="issue"' in page
    assert "<p>Final.</p>" in page


def test_the_heat_map_speaks_and_fills_by_tenths() -> None:
    cells = [
        {"code": "CC6.1", "url": "/", "state": "part", "share": 0.46, "note": "4 controls, 2 tested"},
        {"code": "CC6.2", "url": "/", "state": "none"},
    ]
    page = render("{% heat series %}", series=[{"code": "CC6", "name": "Access", "cells": cells, "done": 1}])
    assert 'class="cell part share-50"' in page
    assert 'data-tip="4 controls, 2 tested"' in page
    assert ": no control</span>" in page
    assert "1 of 2" in page


def test_occurrences_are_drawn_and_told() -> None:
    start, end = dt.date(2025, 10, 1), dt.date(2026, 9, 30)
    marks = [
        {"day": start, "found": True},
        {"day": dt.date(2026, 6, 30), "found": False, "note": "reviewer on leave"},
        {"day": end, "found": None},
    ]
    chart = ui.occurrences([{"code": "IAM-08", "name": "Review", "marks": marks}], start, end, dt.date(2026, 4, 1))
    row = chart["rows"][0]
    assert [mark["state"] for mark in row["marks"]] == ["found", "missing", "expected"]
    assert [mark["x"] for mark in row["marks"]] == ["0.14%", "74.66%", "99.86%"]
    assert len(chart["months"]) == 12
    page = render(
        "{% occurrences rows start end %}", rows=[{"code": "IAM-08", "marks": marks}], start=start, end=end
    )
    assert 'aria-label="IAM-08: 1 of 3 found"' in page
    assert "30 Jun 2026 (reviewer on leave)" in page


def test_what_blocks_comes_before_what_warns() -> None:
    findings = [
        {"rule": "R34", "text": "Three of four found", "severity": "warn"},
        {"rule": "R13", "text": "CC7.4 has no control", "url": "/scope", "label": "Scope", "severity": "block"},
    ]
    page = render("{% blockers findings 'What stands in the way' %}", findings=findings)
    assert page.index("R13") < page.index("R34")
    assert "1 to clear" in page
    assert "1 warning" in page
    assert "Nothing stands in the way." in render("{% blockers findings %}", findings=[])
    first = render("{% blockers findings 'All' '' 1 '/all' %}", findings=findings)
    assert "R13" in first
    assert "R34" not in first
    assert "1 warning" in first
    assert 'href="/all">and 1 more</a>' in first


def test_the_rest_of_the_query_stays() -> None:
    request = RequestFactory().get("/", {"q": "a&b", "page": "1"})
    assert render("{% page_query page=2 %}", request=request) == "?q=a%26b&amp;page=2"


def test_a_list_is_narrowed_only_where_the_page_cannot_do_it() -> None:
    rows = [("IAM-01", "open", ["CC6.1"]), ("CHG-01", "done", ["CC8.1", "CC6.1"])]

    def narrowed(**query: str) -> list[str]:
        found = narrow(query, rows, text=lambda row: row[0], state=lambda row: row[1], criterion=lambda row: row[2])
        return [row[0] for row in found]

    assert narrowed(q="iam") == ["IAM-01", "CHG-01"]
    assert narrowed(q="iam", nojs="1") == ["IAM-01"]
    assert narrowed(state="done", nojs="1") == ["CHG-01"]
    assert narrowed(criterion="CC6.1", state="", nojs="1") == ["IAM-01", "CHG-01"]
