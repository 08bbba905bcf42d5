"""The proposed opinion: a table of findings and what each limb becomes (domain 1.4, 3.6)."""

from __future__ import annotations

from typing import get_args

import pytest

from fieldwork.models import Deviation as DeviationModel
from reports import content, models
from reports.proposal import (
    Compensation,
    DesignDeficiency,
    Deviation,
    Findings,
    Matter,
    Misstatement,
    ScopeLimitation,
    harder,
    modification,
    propose,
)

CRITERIA = ("CC6.1", "CC6.2", "CC6.3", "CC7.1", "CC8.1", "A1.2")
LEAVERS = ("CC6.2", "CC6.3")


def findings(**more: object) -> Findings:
    return Findings(**{"type_2": True, "criteria": CRITERIA, **more})  # type: ignore[arg-type]


def exception(standing: str, **more: object) -> Deviation:
    return Deviation("EX-01", "IAM-06", LEAVERS, standing, **more)  # type: ignore[arg-type]


CASES = {
    "nothing found": (findings(), "unmodified unmodified unmodified", ()),
    "an exception that leaves the control effective": (
        findings(exceptions=[exception("control_effective")]),
        "unmodified unmodified unmodified",
        (),
    ),
    "many exceptions that leave controls effective": (
        findings(exceptions=[Deviation(f"EX-{n}", f"C-{n}", CRITERIA, "control_effective") for n in range(9)]),
        "unmodified unmodified unmodified",
        (),
    ),
    "a failed control fails its criteria": (
        findings(exceptions=[exception("criterion_failed")]),
        "unmodified unmodified qualified",
        LEAVERS,
    ),
    "only the criteria concluded to fail": (
        findings(exceptions=[exception("criterion_failed", failed_criteria=("CC6.3",))]),
        "unmodified unmodified qualified",
        ("CC6.3",),
    ),
    "a criterion that does not apply cannot fail, the limb is modified all the same": (
        findings(exceptions=[exception("criterion_failed", failed_criteria=("PI1.1",))]),
        "unmodified unmodified qualified",
        (),
    ),
    "an exception without a conclusion counts as failed": (
        findings(exceptions=[exception("")]),
        "unmodified unmodified qualified",
        LEAVERS,
    ),
    "compensated by a control that operated": (
        findings(exceptions=[exception("compensated", compensation=Compensation("IAM-08"))]),
        "unmodified unmodified unmodified",
        (),
    ),
    "compensated, but by nothing that is named": (
        findings(exceptions=[exception("compensated")]),
        "unmodified unmodified qualified",
        LEAVERS,
    ),
    "a failed control with a compensating one, not concluded": (
        findings(exceptions=[exception("", compensation=Compensation("IAM-08"))]),
        "unmodified unmodified unmodified",
        (),
    ),
    "compensating control not in the description": (
        findings(exceptions=[exception("compensated", compensation=Compensation("IAM-08", in_description=False))]),
        "unmodified unmodified qualified",
        LEAVERS,
    ),
    "compensating control not tested": (
        findings(exceptions=[exception("compensated", compensation=Compensation("IAM-08", tested=False))]),
        "unmodified unmodified qualified",
        LEAVERS,
    ),
    "compensating control did not operate": (
        findings(exceptions=[exception("compensated", compensation=Compensation("IAM-08", operated=False))]),
        "unmodified unmodified qualified",
        LEAVERS,
    ),
    "compensating control operated in another period": (
        findings(exceptions=[exception("compensated", compensation=Compensation("IAM-08", same_period=False))]),
        "unmodified unmodified qualified",
        LEAVERS,
    ),
    "compensating control not precise": (
        findings(exceptions=[exception("compensated", compensation=Compensation("IAM-08", precise=False))]),
        "unmodified unmodified qualified",
        LEAVERS,
    ),
    "two failed controls do not compensate each other": (
        findings(
            exceptions=[
                exception("compensated", compensation=Compensation("IAM-08")),
                Deviation("EX-02", "IAM-08", LEAVERS, "compensated", (), Compensation("IAM-06")),
            ]
        ),
        "unmodified unmodified qualified",
        LEAVERS,
    ),
    "failures recorded as pervasive": (
        findings(exceptions=[exception("criterion_failed", pervasive=True)]),
        "unmodified unmodified adverse",
        LEAVERS,
    ),
    "half of the criteria fail": (
        findings(exceptions=[exception("criterion_failed", failed_criteria=CRITERIA[:3])]),
        "unmodified unmodified adverse",
        CRITERIA[:3],
    ),
    "design fails, and operation with it": (
        findings(deficiencies=[DesignDeficiency("M1", "IAM-06", LEAVERS)]),
        "unmodified qualified qualified",
        LEAVERS,
    ),
    "design fails pervasively": (
        findings(deficiencies=[DesignDeficiency("M1", "IAM-06", LEAVERS, pervasive=True)]),
        "unmodified adverse adverse",
        LEAVERS,
    ),
    "a design deficiency that is compensated": (
        findings(deficiencies=[DesignDeficiency("M1", "IAM-06", LEAVERS, Compensation("IAM-08"))]),
        "unmodified unmodified unmodified",
        (),
    ),
    "a control that was not suitably designed compensates for nothing": (
        findings(
            deficiencies=[DesignDeficiency("M1", "IAM-08", ("CC6.1",), Compensation("IAM-01"))],
            exceptions=[exception("compensated", compensation=Compensation("IAM-08"))],
        ),
        "unmodified unmodified qualified",
        LEAVERS,
    ),
    "an immaterial misstatement": (
        findings(misstatements=[Misstatement("M1", material=False)]),
        "unmodified unmodified unmodified",
        (),
    ),
    "a material misstatement": (
        findings(misstatements=[Misstatement("M1", material=True)]),
        "qualified unmodified unmodified",
        (),
    ),
    "a pervasive misstatement": (
        findings(misstatements=[Misstatement("M1", material=True, pervasive=True)]),
        "adverse unmodified unmodified",
        (),
    ),
    "a scope limitation without material effect": (
        findings(limitations=[ScopeLimitation("M1", ("operating",), material=False)]),
        "unmodified unmodified unmodified",
        (),
    ),
    "a material scope limitation": (
        findings(limitations=[ScopeLimitation("M1", ("operating",), material=True)]),
        "unmodified unmodified qualified",
        (),
    ),
    "a pervasive scope limitation": (
        findings(limitations=[ScopeLimitation("M1", ("design", "operating"), material=True, pervasive=True)]),
        "unmodified disclaimed disclaimed",
        (),
    ),
    "adverse findings and a disclaimer": (
        findings(
            exceptions=[exception("criterion_failed", pervasive=True)],
            limitations=[ScopeLimitation("M1", ("operating",), material=True, pervasive=True)],
        ),
        "unmodified unmodified disclaimed",
        LEAVERS,
    ),
    "a recorded matter, though nothing was found": (
        findings(matters=[Matter("Matter 1", "operation", ("operating",))]),
        "unmodified unmodified qualified",
        (),
    ),
    "never softer than the matters": (
        findings(
            exceptions=[exception("compensated", compensation=Compensation("IAM-08"))],
            matters=[Matter("Matter 1", "operation", ("operating",), pervasive=True)],
        ),
        "unmodified unmodified adverse",
        (),
    ),
    "a mild matter does not soften the results": (
        findings(
            exceptions=[exception("criterion_failed", pervasive=True)],
            matters=[Matter("Matter 1", "operation", ("operating",))],
        ),
        "unmodified unmodified adverse",
        LEAVERS,
    ),
    "a matter of scope, pervasive": (
        findings(matters=[Matter("Matter 1", "scope", ("description", "design", "operating"), pervasive=True)]),
        "disclaimed disclaimed disclaimed",
        (),
    ),
    "controls that did not operate modify nothing": (
        findings(did_not_operate=["INC-04"]),
        "unmodified unmodified unmodified",
        (),
    ),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_limb_becomes(case: str) -> None:
    given, conclusions, failed = CASES[case]
    proposals = propose(given)
    assert " ".join(proposal.conclusion for proposal in proposals.values()) == conclusions
    assert list(proposals) == ["description", "design", "operating"]
    assert max((proposal.failed for proposal in proposals.values()), key=len) == failed
    assert all(proposal.reasons for proposal in proposals.values())


def test_type_1_has_no_limb_of_operation() -> None:
    proposals = propose(findings(type_2=False, deficiencies=[DesignDeficiency("M1", "IAM-06", LEAVERS)]))
    assert {limb: proposal.conclusion for limb, proposal in proposals.items()} == {
        "description": "unmodified",
        "design": "qualified",
    }


def test_reasons_say_why_and_where() -> None:
    by = Compensation("IAM-08", tested=False, precise=False)
    reasons = propose(findings(exceptions=[exception("compensated", compensation=by)]))["operating"].reasons
    assert reasons[0].text == (
        "IAM-06 failed (EX-01), and IAM-08 does not compensate: it was not tested; it is not precise enough."
    )
    assert reasons[0].refs == ("EX-01", "IAM-06", "IAM-08")
    assert reasons[1].text == "IAM-06 did not operate effectively (EX-01) with respect to CC6.2, CC6.3."


def test_what_is_open_is_told() -> None:
    reasons = propose(findings(untested=["VUL-01"], did_not_operate=["INC-04", "CHG-04"]))["operating"].reasons
    assert [reason.text.split(" ", 1)[0] for reason in reasons] == ["1", "2"]
    assert reasons[0].refs == ("VUL-01",)


def test_modification_follows_cause_and_extent() -> None:
    assert modification("operation", pervasive=False) == "qualified"
    assert modification("misstatement", pervasive=True) == "adverse"
    assert modification("scope", pervasive=True) == "disclaimed"
    assert harder("adverse", "disclaimed") == "disclaimed"
    assert harder("qualified", "unmodified") == "qualified"


def test_vocabulary_is_that_of_the_models() -> None:
    assert list(get_args(content.Limb)) == models.Limb.values
    assert list(get_args(content.Conclusion)) == models.Conclusion.values
    assert list(get_args(content.Cause)) == models.Matter.Cause.values
    assert {"", *DeviationModel.Effect.values} == set(get_args(content.Effect))
    assert {"", *DeviationModel.Type.values} == set(get_args(content.DeviationType))
