"""Whatever was found, the proposed opinion only becomes harder with more of it, and says why."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from reports.proposal import (
    SEVERITY,
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

CRITERIA = ("CC6.1", "CC6.2", "CC6.3", "A1.2")
flags = st.booleans()
served = st.lists(st.sampled_from(CRITERIA), unique=True, min_size=1).map(tuple)
controls = st.sampled_from(["C-1", "C-2", "C-3"])
helps = st.none() | st.builds(Compensation, controls, flags, flags, flags, flags, flags)
limbs = st.lists(st.sampled_from(["description", "design", "operating"]), unique=True, min_size=1).map(tuple)
exceptions = st.builds(
    Deviation,
    st.sampled_from(["EX-01", "EX-02"]),
    controls,
    served,
    st.sampled_from(["", "control_effective", "compensated", "criterion_failed"]),
    compensation=helps,
    pervasive=flags,
)
deficiencies = st.builds(DesignDeficiency, st.just("EX-09"), controls, served, helps, flags)
matters = st.builds(
    Matter, st.just("Matter 1"), st.sampled_from(["misstatement", "design", "operation", "scope"]), limbs, flags
)
findings = st.builds(
    Findings,
    st.just(value=True),
    st.just(CRITERIA),
    st.lists(st.builds(Misstatement, st.just("M-1"), flags, flags), max_size=2),
    st.lists(deficiencies, max_size=2),
    st.lists(exceptions, max_size=3),
    st.lists(st.builds(ScopeLimitation, st.just("S-1"), limbs, flags, flags), max_size=2),
    st.lists(matters, max_size=2),
)


@settings(max_examples=80, deadline=None)
@given(findings)
def test_every_limb_has_a_conclusion_with_reasons(found: Findings) -> None:
    proposed = propose(found)
    assert list(proposed) == ["description", "design", "operating"]
    for one in proposed.values():
        assert one.conclusion in SEVERITY
        assert all(reason.text for reason in one.reasons)
        assert one.reasons
        assert set(one.failed) <= set(CRITERIA)
    assert list(propose(replace(found, type_2=False))) == ["description", "design"]
    assert propose(found) == proposed


@settings(max_examples=60, deadline=None)
@given(findings, matters)
def test_a_recorded_matter_is_never_undercut(found: Findings, matter: Matter) -> None:
    before, after = propose(found), propose(replace(found, matters=[*found.matters, matter]))
    for limb, one in after.items():
        assert SEVERITY.index(one.conclusion) >= SEVERITY.index(before[limb].conclusion)
        if limb in matter.limbs:
            least = modification(matter.cause, pervasive=matter.pervasive)
            assert harder(one.conclusion, least) == one.conclusion


@settings(max_examples=60, deadline=None)
@given(findings, exceptions)
def test_concluding_an_exception_as_harmless_never_hardens(found: Findings, exception: Deviation) -> None:
    def of(standing: str) -> int:
        one = replace(exception, standing=standing)  # type: ignore[arg-type]
        return SEVERITY.index(propose(replace(found, exceptions=[*found.exceptions, one]))["operating"].conclusion)

    assert of("control_effective") <= of("criterion_failed")
    assert of("control_effective") <= of("")
