"""Template tags of the components that every page shares; `{% load ui %}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django import template
from django.forms import BaseForm, BoundField
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

# The one place where a state gets its colour. Kinds: ok, warn, bad, acc (under way), idle.
KINDS: dict[str, str] = {
    # requests, files, populations
    "draft": "idle",
    "open": "idle",
    "in_progress": "acc",
    "submitted": "acc",
    "received": "acc",
    "returned": "bad",
    "accepted": "ok",
    "closed": "idle",
    "cancelled": "idle",
    "replaced": "idle",
    "superseded": "idle",
    "pending": "idle",
    "scanning": "acc",
    "clean": "ok",
    "infected": "bad",
    "quarantined": "bad",
    "outside_period": "warn",
    "frozen": "ok",
    "drawn": "ok",
    # tests and results
    "not_started": "idle",
    "planned": "idle",
    "in_testing": "acc",
    "testing": "acc",
    "prepared": "acc",
    "reviewed": "ok",
    "concluded": "ok",
    "to_review": "warn",
    "to_test": "idle",
    "void": "warn",
    "stale": "warn",
    "pass": "ok",
    "passed": "ok",
    "effective": "ok",
    "no_exceptions": "ok",
    "no_exception": "ok",
    "deviation": "bad",
    "exception": "bad",
    "exceptions": "bad",
    "not_effective": "bad",
    "ineffective": "bad",
    "not_applicable": "idle",
    "na": "idle",
    "no_occurrence": "warn",
    "raised": "bad",
    "evaluating": "warn",
    "evaluated": "acc",
    "responded": "acc",
    "resolved": "ok",
    # criteria
    "met": "ok",
    "no_control": "warn",
    # opinions
    "unmodified": "ok",
    "qualified": "warn",
    "adverse": "bad",
    "disclaimer": "bad",
    # signatures, reports, distribution
    "unsigned": "warn",
    "signed": "ok",
    "client_review": "acc",
    "quality_review": "acc",
    "ready": "acc",
    "issued": "ok",
    "current": "ok",
    "genuine": "ok",
    "locked": "ok",
    "recalled": "bad",
    "withdrawn": "bad",
    "declined": "bad",
    "active": "ok",
    "granted": "ok",
    "invited": "acc",
    "requested": "warn",
    "expired": "warn",
    "revoked": "bad",
    "refused": "bad",
    # jobs
    "queued": "idle",
    "running": "acc",
    "succeeded": "ok",
    "finished": "ok",
    "done": "ok",
    "failed": "bad",
    "lost": "bad",
    # rules
    "block": "bad",
    "warn": "warn",
    "log": "idle",
    # distances to a date
    "late": "bad",
    "overdue": "bad",
    "today": "warn",
}

CELL_WORDS = {
    "none": "no control",
    "idle": "not tested yet",
    "part": "testing",
    "ok": "met",
    "bad": "exception",
}


def _of(thing: Any, name: str, default: Any = "") -> Any:
    if isinstance(thing, Mapping):
        return thing.get(name, default)
    return getattr(thing, name, default)


# -- Small things -----------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the sprite; with a label it speaks, without it is decoration."""
    href = f"{static('vendor/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, href)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', href)


def kind_of(state: object) -> str:
    """The colour of a state; unknown states are idle."""
    return KINDS.get(str(state).lower().replace(" ", "_").replace("-", "_"), "idle")


@register.simple_tag
def pill(state: object, label: object = "", kind: str = "", icon_name: str = "") -> SafeString:
    """A state as a coloured word: {% pill request.state request.get_state_display %}."""
    text = label or str(state).replace("_", " ")
    mark = icon(icon_name) if icon_name else ""
    return format_html('<span class="pill {}">{}{}</span>', kind or kind_of(state), mark, text)


@register.simple_tag
def due(day: date | datetime | None, today: date | None = None, done: bool = False) -> SafeString:
    """How far away a due date is, as a pill; the date itself is in the tooltip and for readers."""
    if day is None:
        return mark_safe('<span class="muted">no date</span>')
    if isinstance(day, datetime):
        day = timezone.localtime(day).date() if timezone.is_aware(day) else day.date()
    left = (day - (today or timezone.localdate())).days
    if done:
        return format_html('<time datetime="{}" class="muted num">{}</time>', day.isoformat(), as_day(day))
    if left < 0:
        kind, words = "bad", f"{-left} day{'' if left == -1 else 's'} late"
    elif left == 0:
        kind, words = "warn", "today"
    elif left == 1:
        kind, words = "warn", "tomorrow"
    else:
        kind, words = "idle", f"in {left} days"
    return format_html(
        '<time datetime="{}" class="pill {}" data-tip="{}">{}<span class="visually-hidden">, {}</span></time>',
        day.isoformat(),
        kind,
        as_day(day),
        words,
        as_day(day),
    )


@register.filter("day")
def as_day(value: date | datetime | None) -> str:
    """1 Oct 2025"""
    if value is None or value == "":
        return ""
    if isinstance(value, datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    return f"{value.day} {value:%b %Y}"


@register.filter("moment")
def as_moment(value: datetime | None) -> str:
    """1 Oct 2025, 14:06"""
    if not value:
        return ""
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return f"{local.day} {local:%b %Y}, {local:%H:%M}"


@register.filter("clock")
def as_clock(value: datetime | None) -> str:
    """14:06:31"""
    if not value:
        return ""
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return f"{local:%H:%M:%S}"


@register.simple_tag
def span(start: date | None, end: date | None) -> str:
    """1 Oct 2025 – 30 Sep 2026"""
    return " – ".join(as_day(day) for day in (start, end) if day)


@register.filter("size")
def as_size(value: int | None) -> str:
    """Bytes as people read them: 812 B, 14.2 kB, 3.1 MB."""
    if value is None:
        return ""
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return ""


@register.filter("pct")
def as_percent(value: float | None, places: int = 1) -> str:
    """A share from 0 to 1 as 21.4%."""
    return "" if value is None else f"{value * 100:.{places}f}%"


@register.simple_tag
def short_hash(value: str | None, label: str = "") -> SafeString:
    """The head and tail of a hash in monospace, the whole of it in the tooltip."""
    if not value:
        return mark_safe("")
    text = value if len(value) <= 12 else f"{value[:4]}…{value[-3:]}"
    return format_html(
        '<span class="code hash" data-tip="{}" tabindex="0"><span class="visually-hidden">{} </span>{}</span>',
        value,
        label or "hash",
        text,
    )


@register.simple_tag
def share(value: float | None) -> str:
    """The class that fills a tenth-stepped bar or cell for a share from 0 to 1."""
    return f"share-{round(min(max(value or 0.0, 0.0), 1.0) * 10) * 10}"


@register.inclusion_tag("components/breadcrumb.html")
def breadcrumb(*parts: object) -> dict[str, Any]:
    """{% breadcrumb "Requests" url "REQ-014" %}: label and link in turn, the last label without."""
    pairs = [(str(parts[at]), parts[at + 1] if at + 1 < len(parts) else "") for at in range(0, len(parts), 2)]
    return {"crumbs": pairs}


# -- Forms ------------------------------------------------------------------------------------


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, label: str = "", wide: bool = False, **attrs: object) -> dict[str, Any]:
    """Label, control, help and errors of a form field. `help` replaces the field's help (empty: none);
    further keyword arguments become attributes of the control, with `_` for `-` (data_select="1")."""
    widget = bound.field.widget
    input_type = str(getattr(widget, "input_type", ""))
    choices = input_type in ("radio", "checkbox") and hasattr(widget, "choices")
    single_check = input_type == "checkbox" and not choices
    css = str(widget.attrs.get("class", ""))
    if input_type == "select":
        css += " form-select"
    elif single_check:
        css += " form-check-input"
    elif not choices:
        css += " form-control"
    if bound.errors:
        css += " is-invalid"
    help_text = attrs.pop("help", bound.help_text)
    described = [f"{bound.auto_id}_help"] if help_text else []
    if bound.errors:
        described.append(f"{bound.auto_id}_error")
    extra: dict[str, Any] = {name.replace("_", "-"): value for name, value in attrs.items()}
    extra["class"] = css.strip()
    if described:
        extra["aria-describedby"] = " ".join(described)
    if bound.errors:
        extra["aria-invalid"] = "true"
    return {
        "bound": bound,
        "label": label or bound.label,
        "help_text": help_text,
        "choices": choices,
        "single_check": single_check,
        "wide": wide,
        "control": None if choices else bound.as_widget(attrs=extra),
        "options": [_option(option, input_type) for option in bound.subwidgets] if choices else (),
        "described": " ".join(described),
    }


def _option(option: Any, input_type: str) -> dict[str, Any]:
    data = option.data
    attrs = {**data["attrs"], "class": "form-check-input", "type": input_type, "name": data["name"]}
    pairs = [(name, "" if value is True else value) for name, value in attrs.items() if value not in (False, None)]
    control = format_html('<input value="{}"{}>', data["value"], format_html_join("", ' {}="{}"', pairs))
    return {"id": attrs.get("id", ""), "label": data["label"], "control": control}


@register.inclusion_tag("components/error_summary.html")
def error_summary(form: BaseForm) -> dict[str, Any]:
    """What is wrong with a form, on top of it, with links to the fields."""
    return {
        "general": form.non_field_errors(),
        "bounds": [bound for bound in form if bound.errors],
        "prefix": form.prefix or "form",
    }


@register.inclusion_tag("components/fields.html")
def fields(form: BaseForm) -> dict[str, Any]:
    """A whole form without its <form>: error summary, hidden and visible fields."""
    return {"form": form}


@register.simple_tag
def editor_control(bound: BoundField) -> SafeString:
    """The textarea of the Markdown editor, wired to its help and errors."""
    described = [f"{bound.auto_id}_help"] if bound.help_text else []
    if bound.errors:
        described.append(f"{bound.auto_id}_error")
    css = f"{bound.field.widget.attrs.get('class', '')} form-control{' is-invalid' if bound.errors else ''}"
    attrs: dict[str, Any] = {"class": css.strip(), "data-editor-text": True, "spellcheck": "true"}
    if described:
        attrs["aria-describedby"] = " ".join(described)
    return bound.as_widget(attrs=attrs)


# -- Boxes ------------------------------------------------------------------------------------


@register.simple_block_tag
def confirm(
    content: SafeString,
    id: str,  # noqa: A002 - the attribute that it becomes
    title: str,
    action: str,
    button: str = "Confirm",
    word: str = "",
    tone: str = "bad",
    csrf: str = "",
) -> SafeString:
    """A dialog that asks for a final or destructive act in words; opened by data-dialog="id".

    The content says what the act does (it may hold further fields). `word` must be typed before
    the button works and is posted as `confirm`. Pass csrf=csrf_token."""
    typed = ""
    if word:
        typed = format_html(
            '<div class="field"><label class="form-label" for="{0}-word">Type <b class="code">{1}</b> to go on'
            '</label><input class="form-control" id="{0}-word" name="confirm" required pattern="{1}" '
            'autocomplete="off" autocapitalize="off" spellcheck="false" title="{1}"></div>',
            id,
            word,
        )
    return format_html(
        '<dialog class="dialog" id="{0}" aria-labelledby="{0}-title"><form method="post" action="{1}">'
        '<input type="hidden" name="csrfmiddlewaretoken" value="{2}">'
        '<header><h2 id="{0}-title">{3}</h2></header><div class="dialog-body">{4}{5}</div>'
        '<footer><a class="btn" href="#" data-close>Cancel</a>'
        '<button class="btn {6}" type="submit">{7}</button></footer></form></dialog>',
        id,
        action,
        csrf,
        title,
        content,
        typed,
        "btn-danger" if tone == "bad" else "btn-primary",
        button,
    )


@register.inclusion_tag("components/heat.html")
def heat(series: Iterable[Any], legend: bool = True) -> dict[str, Any]:
    """Criteria by series. Each series: code, name, cells, done, total; each cell: code, url, state
    (none, idle, part, ok, bad), share (0 to 1, of the part tested), note (words for the tooltip)."""
    rows = []
    for one in series:
        cells = []
        for cell in _of(one, "cells", ()):
            state = _of(cell, "state", "idle") or "idle"
            words = CELL_WORDS.get(state, state)
            note = _of(cell, "note") or _of(cell, "title") or words
            cells.append(
                {
                    "code": _of(cell, "code"),
                    "url": _of(cell, "url"),
                    "css": f"{state} {share(_of(cell, 'share', 0))}" if state == "part" else state,
                    "words": words,
                    "note": note,
                }
            )
        total = _of(one, "total", None)
        rows.append(
            {
                "code": _of(one, "code"),
                "name": _of(one, "name"),
                "cells": cells,
                "done": _of(one, "done", 0),
                "total": len(cells) if total is None else total,
            }
        )
    return {"rows": rows, "legend": legend}


@register.inclusion_tag("components/occurrences.html")
def occurrences(rows: Sequence[Any], start: date, end: date, today: date | None = None) -> dict[str, Any]:
    """Expected and found occurrences over a period, with a table that says the same.

    Each row: code, name, url, marks; each mark: day, found (True, False, or None for not yet due),
    note (words for the table)."""
    length = max((end - start).days + 1, 1)

    def at(day: date) -> str:
        return f"{min(max((day - start).days + 0.5, 0.0), float(length)) / length * 100:.2f}%"

    months = []
    month = start.replace(day=1)
    while month <= end:
        shown = max(month, start)
        months.append(
            {
                "x": f"{(shown - start).days / length * 100:.2f}%",
                "label": f"{month:%b}",
                "letter": f"{month:%b}"[0],
                "year": month.year,
            }
        )
        month = (month + timedelta(days=32)).replace(day=1)
    drawn = []
    for row in rows:
        marks = [
            {
                "x": at(_of(mark, "day")),
                "day": _of(mark, "day"),
                "note": _of(mark, "note"),
                "state": {True: "found", False: "missing"}.get(_of(mark, "found", None), "expected"),
            }
            for mark in _of(row, "marks", ())
        ]
        found = sum(mark["state"] == "found" for mark in marks)
        drawn.append(
            {
                "code": _of(row, "code"),
                "name": _of(row, "name"),
                "url": _of(row, "url"),
                "marks": marks,
                "dense": len(marks) > 60,
                "found": found,
                "missing": [m for m in marks if m["state"] == "missing"],
                "total": len(marks),
            }
        )
    inside = today if today and start <= today <= end else None
    return {
        "rows": drawn,
        "months": months,
        "start": start,
        "end": end,
        "today": at(inside) if inside else "",
    }


@register.inclusion_tag("components/blockers.html")
def blockers(
    findings: Iterable[Any],
    title: str = "What stands in the way",
    clear: str = "",
    limit: int = 0,
    rest: str = "",
) -> dict[str, Any]:
    """Findings of the rules: rule (id), text, url, label (of the link), severity (block, warn, log).

    With `limit` the first of them are shown, and `rest` is where the others stand."""
    order = {"block": 0, "warn": 1, "log": 2}
    rows = []
    for finding in findings:
        rule = _of(finding, "rule")
        severity = str(_of(finding, "severity", "block") or "block").lower()
        rows.append(
            {
                "rule": _of(rule, "id", "") or _of(finding, "rule_id") or rule,
                "text": _of(finding, "text") or _of(finding, "message"),
                "url": _of(finding, "url"),
                "label": _of(finding, "label") or "Open",
                "severity": severity,
                "override": _of(finding, "override_url"),
            }
        )
    rows.sort(key=lambda row: order.get(row["severity"], 3))
    return {
        "rows": rows[:limit] if limit else rows,
        "more": max(len(rows) - limit, 0) if limit else 0,
        "rest": rest,
        "title": title,
        "clear": clear or "Nothing stands in the way.",
        "blocking": sum(row["severity"] == "block" for row in rows),
        "warning": sum(row["severity"] == "warn" for row in rows),
    }


@register.inclusion_tag("components/facts.html")
def facts(*pairs: object) -> dict[str, Any]:
    """{% facts "System" engagement.system_name "Type" 2 %}: names and values in turn; empty values
    are left out."""
    return {
        "pairs": [(parts, pairs[at + 1]) for at, parts in enumerate(pairs[:-1]) if at % 2 == 0 and pairs[at + 1]]
    }


@register.inclusion_tag("components/empty.html")
def empty(title: str, text: str = "", url: str = "", action: str = "", icon_name: str = "") -> dict[str, Any]:
    """What a list says when nothing is in it yet, and what to do about it."""
    return {"title": title, "text": text, "url": url, "action": action, "icon_name": icon_name}


@register.inclusion_tag("components/meter.html")
def meter(value: float, label: str = "", total: float | None = None, kind: str = "") -> dict[str, Any]:
    """A small bar for a share (0 to 1), or for value of total, with the figure beside it."""
    part = (value / total if total else 0.0) if total is not None else value
    words = f"{value:g} of {total:g}" if total is not None else as_percent(part, 0)
    return {"part": f"{min(max(part, 0.0), 1.0):.3f}", "words": words, "label": label, "kind": kind}


@register.simple_tag(takes_context=True)
def page_query(context: Mapping[str, Any], **changes: object) -> SafeString:
    """The query string of this page with some values changed: href="{% page_query page=2 %}"."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            query.pop(name, None)
        else:
            query[name] = str(value)
    return format_html("?{}", query.urlencode())
