"""The register of rules: what must hold before a step, in the manner of Django's system checks.

Each app keeps its rules in a module `rules.py`, found at start-up, so that a step can be guarded by rules of
apps it does not know. Severity and wording of the rules are our reading of professional practice; each stands
in one place, where a practitioner can correct it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models

from engagements.models import Engagement, RuleOverride


class Severity(enum.StrEnum):
    BLOCK = "block"
    WARN = "warn"
    LOG = "log"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that stands in the way: which rule, in words, and where it can be put right."""

    rule: str
    severity: Severity
    text: str
    url: str = ""
    label: str = ""
    subject: str = ""


Check = Callable[..., Iterable[Finding]]
Found = TypeVar("Found")
LOOK = "_look"


@contextlib.contextmanager
def one_look(engagement: Engagement) -> Iterator[None]:
    """Inside, what the rules share of the engagement is asked once: for pages, which change nothing meanwhile."""
    if LOOK in engagement.__dict__:
        yield
        return
    engagement.__dict__[LOOK] = {}
    try:
        yield
    finally:
        del engagement.__dict__[LOOK]


def shared(find: Callable[[Engagement], Found]) -> Callable[[Engagement], Found]:
    """What it finds is kept for one look at the engagement. Whoever gets it leaves it as it is."""

    @functools.wraps(find)
    def found(engagement: Engagement) -> Found:
        look = engagement.__dict__.get(LOOK)
        if look is None:
            return find(engagement)
        if found not in look:
            look[found] = find(engagement)
        kept: Found = look[found]
        return kept

    return found


@dataclasses.dataclass(frozen=True)
class Rule:
    id: str
    severity: Severity
    guards: tuple[str, ...]
    text: str
    check: Check

    def run(self, subject: Any) -> Iterator[Finding]:
        yield from self.check(self, subject)

    def finding(self, text: str, at: models.Model | None = None, *, url: str = "", label: str = "") -> Finding:
        """A finding of this rule; `at` is the object at fault, which gives link and label."""
        if at is not None:
            get_url = getattr(at, "get_absolute_url", None)
            url = url or (get_url() if get_url else "")
            label = label or str(at)
        subject = f"{at._meta.label_lower}:{at.pk}" if at is not None else ""
        return Finding(self.id, self.severity, text, url, label, subject)


_RULES: list[Rule] = []


def rule(code: str, severity: Severity, *, guards: str | tuple[str, ...], text: str) -> Callable[[Check], Check]:
    """Register a check. It is called as check(rule, subject) and yields findings.

    `guards` names the steps: "accept", "letter", "fieldwork", "reporting", "issue", "draw", "record_test",
    "record_result", "sign", "download" ...; the subject is what the step is about (an engagement for the steps of
    the workflow). A rule may be registered several times when it guards steps with different subjects.
    """
    steps = (guards,) if isinstance(guards, str) else guards

    def register(check: Check) -> Check:
        _RULES.append(Rule(code, severity, steps, text, check))
        return check

    return register


def rules() -> list[Rule]:
    """All registered rules, by id."""
    return sorted(_RULES, key=lambda rule: (rule.id, rule.guards))


def findings(step: str, subject: Any, *, engagement: Engagement | None = None) -> list[Finding]:
    """What stands in the way of a step, blocking first; warnings that were overridden are left out.

    `engagement` defaults to the subject itself or its `engagement`.
    """
    engagement = engagement or (subject if isinstance(subject, Engagement) else subject.engagement)
    with one_look(engagement):
        found = [finding for rule in rules() if step in rule.guards for finding in rule.run(subject)]
    if any(finding.severity == Severity.WARN for finding in found):
        overridden = set(RuleOverride.objects.filter(engagement=engagement).values_list("rule", "subject"))
        found = [f for f in found if f.severity != Severity.WARN or (f.rule, f.subject) not in overridden]
    order = [Severity.BLOCK, Severity.WARN, Severity.LOG]
    return sorted(found, key=lambda finding: (order.index(finding.severity), finding.rule))


class Blocked(ValidationError):
    """A step was refused by rules; `findings` says which and why. Shown to people like any refusal of input."""

    def __init__(self, found: list[Finding]) -> None:
        self.findings = found
        super().__init__([f"{finding.rule}: {finding.text}" for finding in found])


def guard(step: str, subject: Any, *, engagement: Engagement | None = None) -> None:
    """Raise Blocked when a rule blocks the step, or a warning stands that nobody has overridden."""
    standing = [
        finding
        for finding in findings(step, subject, engagement=engagement)
        if finding.severity in {Severity.BLOCK, Severity.WARN}
    ]
    if standing:
        raise Blocked(standing)
