"""Tags of the printed report's templates; `{% load report %}`. All of them only put content into words or links."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from reports import prose as _prose
from reports import wording
from reports.content import EXPECTED, Control, Deviation, Result, Test, TestKind, result_of

register = template.Library()

KINDS: dict[TestKind, str] = {
    "inquiry": "Inquiry",
    "observation": "Observation",
    "inspection": "Inspection",
    "reperformance": "Reperformance",
}
RESULTS: dict[Result, str] = {
    "no_exceptions": "No exceptions noted",
    "exceptions": "Exception noted",
    "did_not_operate": "Did not operate in the period",
    "not_tested": "Not tested",
    "carved_out": "Carved out",
}


@register.filter
def prose(text: str, level: int = 3) -> SafeString:
    """Somebody's Markdown as safe HTML whose highest heading is h`level`."""
    return _prose.to_html(text, level=level)


@register.filter
def day(iso: str) -> str:
    return wording.day(iso)


@register.filter
def joined(words: Sequence[str]) -> str:
    return wording.joined(words)


@register.filter
def kinds(test: Test) -> str:
    """The kinds of a test in the order of the legend: "Inquiry and inspection"."""
    names = [name for kind, name in KINDS.items() if kind in test["kinds"]]
    return wording.joined([name if at == 0 else name.lower() for at, name in enumerate(names)])


@register.filter
def outcome(result: Result) -> str:
    return RESULTS[result]


@register.filter
def phrase(test: Test) -> str:
    """The standard phrase of a result, in the singular or the plural."""
    if test["result"] == "exceptions" and ((test["deviations"] or 1) > 1 or len(test["deviation_codes"]) > 1):
        return "Exceptions noted"
    return RESULTS[test["result"]]


@register.filter
def extent(found: Test | Deviation) -> str:
    """How much was tested and how much deviated, which is printed whenever an exception was found."""
    tested, deviations = found["items_tested"], found["deviations"]
    if tested is None:
        return ""
    if found["unit"] == EXPECTED:
        return _shortfall(tested, deviations or 0)
    unit = found["unit"] or ("item" if tested == 1 else "items")
    population = found.get("population")
    words = f"Tested: {tested:,} {unit}" + (f" of a population of {population:,}" if population is not None else "")
    if deviations is not None:
        words += f"; deviations: {deviations:,}"
    return words + "."


@register.filter
def missing(deviation: Deviation) -> str:
    """What no tested item shows: occurrences that were expected and did not take place; "" without any."""
    if deviation["unit"] != EXPECTED or deviation["items_tested"] is None:
        return ""
    return _shortfall(deviation["items_tested"], deviation["deviations"] or 0)


def _shortfall(expected: int, absent: int) -> str:
    return f"Expected in the period: {expected:,} occurrence{'' if expected == 1 else 's'}; missing: {absent:,}."


@register.filter
def result(control: Control) -> Result:
    return result_of(control)


@register.filter
def towering(control: Control) -> bool:
    """Whether a control may be too tall for a page: then its rows break, and no cell spans them.

    Counted in lines of the narrow columns, on the safe side; a page has about 38.
    """
    tests = sum(2 + len(test["procedure"]) // 55 + len(test["result_text"]) // 70 for test in control["tests"])
    return max(tests, len(control["wording"]) // 45) > 26


@register.filter
def at(mapping: Mapping[str, Any], key: str) -> Any:
    return mapping[key]


@register.filter
def list_of(one: str) -> list[str]:
    return [one]


@register.filter
def thousands(number: int) -> str:
    return f"{number:,}"


@register.simple_tag
def anchor(kind: str, code: object) -> str:
    return wording.anchor(kind, str(code))


@register.simple_tag
def link(kind: str, code: object, text: object = "") -> SafeString:
    """A link to the place of a criterion, control, exception, matter or response."""
    return format_html('<a href="#{}">{}</a>', wording.anchor(kind, str(code)), text or code)


@register.simple_tag
def codes(kind: str, listed: Sequence[str]) -> SafeString:
    """Links to several things of a kind, separated by commas."""
    return format_html_join(
        ", ", '<a href="#{}" class="code">{}</a>', ((wording.anchor(kind, code), code) for code in listed)
    )


@register.simple_tag(takes_context=True)
def section(context: Any, key: str) -> SafeString:
    """ "Section IV", as a link to it."""
    found = context["w"].section[key]
    return format_html('<a href="#{}">Section {}</a>', found.anchor, found.numeral.replace(" ", " "))


@register.simple_tag
def soft(code: str) -> SafeString:
    """A code; a long one may break after its punctuation, since it stands in a narrow column."""
    pieces = re.findall(r"[^-./_:]*[-./_:]|[^-./_:]+", code) if len(code) > 10 else [code]
    return format_html_join(mark_safe("<wbr>"), "{}", ((piece,) for piece in pieces))
