"""How much of a report's text recurs in the firm's reports for other clients (R45). Pure functions, then the job.

Texts are compared by shingles: runs of a few words, with names, codes and figures taken out, so that what differs
in the name alone is the same. What the reviewer is shown are passages of this report and the number of
the other engagement, never another client's name or words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, cast

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from audit.context import EVERYBODY, acting_for
from audit.trail import action, record
from engagements.models import Engagement, Stage
from engagements.roles import require
from engagements.workflow import locked, must_be
from jobs.models import Job
from jobs.queue import enqueue
from jobs.running import finish, hold, report_progress
from reports.content import Snapshot
from reports.models import Issuance, LikenessCheck, Report

ASKED = action(
    "report.comparison_requested", "asked to have {target} compared with other engagements", firm_only=True
)
COMPARED = action("report.compared_with_others", "compared {target} with {count} other engagements", firm_only=True)

Section = Literal["description", "controls", "conclusions"]
SECTIONS: dict[Section, str] = {
    "description": "Section III, management's description",
    "controls": "Section IV, controls and tests",
    "conclusions": "Conclusions and results",
}
# Our own figures, in one place for the practitioner to correct: words in a shingle; the share of a section's words,
# in per mille, from which the reviewer is told (controls and tests of a firm's library are alike by their nature);
# the shortest passage that is shown; how many are.
WORDS = 8
TELLING: dict[Section, int] = {"description": 400, "controls": 800, "conclusions": 400}
SHORTEST_PASSAGE = 12
PASSAGES = 5
# A section of fewer words says too little to be compared.
SHORTEST_SECTION = 60

_WORD = re.compile(r"\S+")
_CODE = re.compile(r"^[a-z]{1,8}[-.]?\d[\w.-]*$")
# Marks of a name within a text, from the area that Unicode leaves to private use.
_NAME, _SPACE = "\ue000", "\ue001"
_EDGES = "“”‘’\"'()[]{}*_`#>|,;:.!?–—-"


class Found(TypedDict):
    """What recurs of a section, and where: as it is kept."""

    section: Section
    words: int
    share: int  # of the section's words, in per mille
    engagement: str  # the number of the other engagement
    passages: list[str]


@dataclass(frozen=True)
class Text:
    """A text as its words, and as the same without names, codes and figures."""

    words: Sequence[str]
    plain: Sequence[str]

    def shingles(self) -> Iterator[tuple[int, int]]:
        """Position and hash of every run of words."""
        for at in range(len(self.plain) - WORDS + 1):
            yield at, hash(tuple(self.plain[at : at + WORDS]))

    @property
    def prints(self) -> frozenset[int]:
        return frozenset(one for _, one in self.shingles())


def normal(text: str, names: Iterable[str]) -> Text:
    """
    >>> normal("Acme's CC6.1 team: 25 people.", ["Acme"]).plain
    ['□', '0', 'team', '0', 'people']
    """
    for name in sorted({one for one in names if one.strip()}, key=len, reverse=True):
        pattern = rf"(?<!\w){re.escape(name)}(?:['’]s?)?(?!\w)"
        text = re.sub(pattern, lambda found: _NAME + found[0].replace(" ", _SPACE), text, flags=re.IGNORECASE)
    words: list[str] = []
    plain: list[str] = []
    for word in _WORD.findall(text):
        bare = word.strip(_EDGES).casefold()
        if not bare:  # a dash or a mark of a list stays with the word before
            words[-1:] = [f"{one} {word}" for one in words[-1:]]
            continue
        words.append(word.replace(_NAME, "").replace(_SPACE, " "))
        if _NAME in word:
            plain.append("□")
        else:
            plain.append("0" if _CODE.match(bare) or any(letter.isdigit() for letter in bare) else bare)
    return Text(words, plain)


def recurring(text: Text, others: Collection[int]) -> tuple[int, list[str]]:
    """How many words of a text stand in a shingle that recurs, in per mille, and the longest passages of such."""
    hit = [False] * len(text.plain)
    for at, one in text.shingles():
        if one in others:
            hit[at : at + WORDS] = [True] * WORDS
    if not text.plain:
        return 0, []
    runs: list[tuple[int, int]] = []
    start = None
    for at, here in enumerate([*hit, False]):
        if here and start is None:
            start = at
        elif not here and start is not None:
            runs.append((at - start, start))
            start = None
    longest = sorted((run for run in runs if run[0] >= SHORTEST_PASSAGE), key=lambda run: (-run[0], run[1]))
    passages = [" ".join(text.words[at : at + long]) for long, at in longest[:PASSAGES]]
    return sum(hit) * 1000 // len(hit), passages


def names_of(snapshot: Snapshot) -> list[str]:
    """What a report calls the client, its system and those around it."""
    client, system = snapshot["client"], snapshot["system"]["name"]
    first = re.split(r",| Inc| LLC| Ltd| GmbH", client["legal_name"])[0]
    return [
        *(client["legal_name"], client["short_name"], first, system, f"{system} system", snapshot["firm"]["name"]),
        *(one["name"] for one in snapshot["subservices"]),
        *(one["response"]["by"] for one in snapshot["deviations"] if one["response"]),
    ]


def texts_of(snapshot: Snapshot) -> dict[Section, str]:
    """What is compared: people's own words, not the product's."""
    s = snapshot
    description = [part["text"] for part in s["description"]]
    description += [one["text"] for one in [*s["commitments"], *s["cuecs"], *s["incidents"], *s["changes"]]]
    description += [one["description"] for one in s["components"]]
    controls, conclusions = [], []
    for control in s["controls"]:
        controls.append(control["wording"])
        for test in control["tests"]:
            controls.append(test["procedure"])
            conclusions += [test["result_text"], test["reason"]]
    for one in s["deviations"]:
        conclusions += [one["found"], one["cause"], one["extent"], one["evaluation"]]
    conclusions += [matter["basis"] for matter in s["opinion"]["matters"]]
    return {
        "description": "\n".join(description),
        "controls": "\n".join(controls),
        "conclusions": "\n".join(conclusions),
    }


def likeness(snapshot: Snapshot, others: Mapping[str, Snapshot]) -> list[Found]:
    """For each section the other report, by its engagement's number, in which most of it recurs."""
    names = names_of(snapshot)
    own = {section: normal(text, names) for section, text in texts_of(snapshot).items()}
    best: dict[Section, Found] = {}
    for number, other in others.items():
        foreign = names_of(other)
        for section, text in texts_of(other).items():
            mine = own[section]
            if len(mine.plain) < SHORTEST_SECTION:
                continue
            share, passages = recurring(mine, normal(text, foreign).prints)
            if share and (section not in best or share > best[section]["share"]):
                best[section] = Found(
                    section=section, words=len(mine.plain), share=share, engagement=number, passages=passages
                )
    return [best[section] for section in SECTIONS if section in best]


def telling(found: Iterable[Found]) -> list[Found]:
    """Those that the reviewer is told of."""
    return [one for one in found if one["share"] >= TELLING[one["section"]]]


# The job

KIND = "report.likeness"


def ask(draft: Report, *, by: Any) -> Job | None:
    """Have a draft compared; None when it has been. Called inside the transaction of a step."""
    if LikenessCheck.objects.filter(engagement=draft.engagement_id, content_sha256=draft.content_sha256).exists():
        return None
    return enqueue(
        KIND,
        key=f"{KIND}:{draft.pk}",
        by=by,
        engagement_id=draft.engagement_id,
        payload={"report": draft.pk},
    )


@transaction.atomic
def ask_again(engagement: Engagement, *, by: User) -> Job:
    """Have the newest draft compared that was not, or whose comparison failed.

    Raises PermissionDenied, WrongStage, ValidationError when there is nothing to compare.
    """
    engagement = locked(engagement)
    require(engagement, by, "render_report")
    must_be(engagement, Stage.REPORTING)
    draft = Report.objects.filter(engagement=engagement, state=Report.State.READY).order_by("-number").first()
    if draft is None:
        raise ValidationError("There is no draft to compare yet.")
    job = ask(draft, by=by)
    if job is None:
        raise ValidationError(f"{draft} has been compared.")
    record(ASKED, by=by, engagement=engagement, target=draft)
    return job


def why_not_compared(engagement: Engagement, sha256: str) -> str:
    """Of a content without a comparison: whether it waits, failed, or was never asked for."""
    drafts = set(
        Report.objects.filter(engagement=engagement, content_sha256=sha256, state=Report.State.READY).values_list(
            "pk", flat=True
        )
    )
    if not drafts:
        return "What the report says now has not been compared: that is done with a draft of it."
    jobs = Job.objects.filter(kind=KIND, engagement_id=engagement.pk).order_by("-pk")
    job = next((one for one in jobs if one.payload["report"] in drafts), None)
    if job is None:
        return "The newest draft has not been compared yet."
    if not job.finished:
        return "The newest draft is still being compared."
    return "The comparison of the newest draft failed. Have it compared again."


def compare(job: Job) -> dict[str, Any]:
    """The work of a job "report.likeness"."""
    draft = Report.objects.select_related("engagement").get(pk=job.payload["report"])
    report_progress(job, 5, "Reading the firm's other reports.")
    # Also those that whoever asked has no role in: what is shown of them is a number.
    with acting_for(EVERYBODY):
        others = others_of(draft.engagement)
    report_progress(job, 30, f"Comparing with {len(others)} engagements.")
    found = likeness(cast(Snapshot, draft.snapshot), others)
    with transaction.atomic():
        held = hold(job)
        engagement = locked(draft.engagement)
        result: dict[str, Any] = {"report": draft.pk, "compared": len(others), "found": len(telling(found))}
        # What is issued meanwhile takes no row any more, and needs none.
        if not engagement.frozen:
            made = LikenessCheck.objects.create(
                engagement=engagement,
                draft=draft,
                content_sha256=draft.content_sha256,
                compared=len(others),
                found=found,
            )
            record(COMPARED, by=None, engagement=engagement, target=draft, count=len(others), check=made.pk)
        finish(held, result)
    return result


def others_of(engagement: Engagement) -> dict[str, Snapshot]:
    """The newest content of the same firm's engagements for other clients, by the engagement's number."""
    of_others = {"engagement__firm": engagement.firm_id}
    found: dict[str, Snapshot] = {}
    for rows in (
        Report.objects.filter(**of_others, state=Report.State.READY).order_by("engagement_id", "number"),
        Issuance.objects.filter(**of_others, state=Issuance.State.CURRENT).order_by("pk"),
    ):
        values = rows.exclude(engagement__client=engagement.client_id).values_list("engagement__number", "snapshot")
        found |= {number: snapshot for number, snapshot in values.iterator(chunk_size=5) if snapshot.get("format")}
    return found


def newest(engagement: Engagement, sha256: str | None = None) -> LikenessCheck | None:
    """The newest comparison, of a content where one is named."""
    found = LikenessCheck.objects.filter(engagement=engagement)
    if sha256 is not None:
        found = found.filter(content_sha256=sha256)
    return found.select_related("draft").first()
