"""Where an exception leads, from the control to the limb, and that what is concluded follows it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from engagements.models import Commitment
from engagements.register import findings
from evidence.models import EvidenceFile
from fieldwork import deviations
from fieldwork.chain import Promise, Rung, Served, Step, chain
from fieldwork.evaluation import Cause, Compensating, Effect, Marker, design_effect, propose_cause, same_period
from fieldwork.models import ControlTest, Deviation
from fieldwork.proposing import chain_of, commitments_proposed, proposed
from tests import factories as f
from tests.fieldwork import makers as m
from tests.remembered import remembered

SERVED = [Served("CC6.2", "security"), Served("CC6.3", "security", ("IAM-09",)), Served("A1.2", "availability")]
PROMISES = [Promise(1, "security"), Promise(2, "availability"), Promise(3, "privacy")]


def rungs(effect: str, **more: object) -> dict[Rung, Step]:
    values = {"control": "IAM-06", "design": False, "type_2": True, "served": SERVED, "promises": PROMISES, **more}
    return {step.rung: step for step in chain(effect, **values)}  # type: ignore[arg-type]


# --- pure


def test_a_failed_control_leads_to_criteria_commitments_and_limb() -> None:
    found = rungs("criterion_failed")
    assert found[Rung.CRITERION].touched == ("CC6.2", "A1.2")
    assert found[Rung.CRITERION].possible == ("CC6.3",)
    assert "CC6.3 is served by IAM-09 too" in " ".join(found[Rung.CRITERION].reasons)
    assert (found[Rung.COMMITMENT].touched, found[Rung.COMMITMENT].possible) == (("1", "2"), ("3",))
    assert found[Rung.LIMB].touched == ("operating",)


def test_the_evaluation_names_the_criteria() -> None:
    found = rungs("criterion_failed", failed=["A1.2"])
    assert found[Rung.CRITERION].touched == ("A1.2",)
    assert (found[Rung.COMMITMENT].touched, found[Rung.COMMITMENT].possible) == (("2",), ())
    with pytest.raises(ValueError):
        rungs("criterion_failed", failed=["CC9.1"])


def test_where_others_serve_everything_the_reason_is_asked_for() -> None:
    found = rungs("criterion_failed", served=[Served("CC6.3", "security", ("IAM-09",))])
    assert found[Rung.CRITERION].touched == ("CC6.3",)
    assert "say why that is not enough" in found[Rung.CRITERION].reasons[0]


@pytest.mark.parametrize(
    ("design", "type_2", "limbs"),
    [(True, True, ("design", "operating")), (True, False, ("design",)), (False, True, ("operating",))],
)
def test_limbs(design: bool, type_2: bool, limbs: tuple[str, ...]) -> None:
    assert rungs("criterion_failed", design=design, type_2=type_2)[Rung.LIMB].touched == limbs


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(list(Effect)),
    st.booleans(),
    st.booleans(),
    st.lists(
        st.builds(
            Served,
            st.sampled_from(["CC6.1", "CC6.2", "A1.2", "P1.1"]),
            st.sampled_from(["security", "availability", "privacy"]),
            st.lists(st.sampled_from(["IAM-09", "IAM-10"]), unique=True).map(tuple),
        ),
        min_size=1,
        unique_by=lambda one: one.code,
    ),
    st.lists(
        st.builds(Promise, st.integers(1, 9), st.sampled_from(["security", "availability"])),
        max_size=5,
        unique_by=lambda one: one.key,
    ),
)
def test_a_chain_has_every_rung_and_touches_nothing_above_what_holds(
    effect: Effect, design: bool, type_2: bool, served: list[Served], promises: list[Promise]
) -> None:
    steps = chain(effect, control="C-1", design=design, type_2=type_2, served=served, promises=promises)
    assert [step.rung for step in steps] == list(Rung)
    assert all(step.reasons and all(step.reasons) for step in steps)
    control, criteria, commitments, limb = steps
    if effect is Effect.CRITERION_FAILED:
        assert control.touched
        assert criteria.touched, "a failed control leaves no criterion served by nobody unsaid"
        assert {*criteria.touched, *criteria.possible} == {one.code for one in served}
        assert not {*commitments.touched} & {*commitments.possible}
        assert bool(limb.touched) == (design or type_2)
    else:
        assert [criteria.touched, commitments.touched, limb.touched] == [(), (), ()]


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(list(Marker))), st.booleans())
def test_any_marker_makes_it_systematic_intention_outweighs_all(markers: set[Marker], intentional: bool) -> None:
    found = propose_cause(markers, intentional=intentional)
    wanted = Cause.INTENTIONAL if intentional else Cause.SYSTEMATIC if markers else Cause.ISOLATED
    assert (found.cause, len(found.reasons)) == (wanted, max(len(markers) + intentional, 1))
    with pytest.raises(ValueError):
        propose_cause(["bad luck"])


def test_markers_are_those_of_the_model() -> None:
    assert list(Marker) == Deviation.Marker.values


days = st.dates(dt.date(2025, 1, 1), dt.date(2026, 12, 31))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.none() | days, st.none() | days)), days, st.integers(0, 400))
def test_a_control_of_the_same_period_has_evidence_that_speaks_of_it(
    spans: list[tuple[dt.date | None, dt.date | None]], start: dt.date, length: int
) -> None:
    end = start + dt.timedelta(days=length)
    spans = [tuple(sorted(span)) if None not in span else span for span in spans]  # type: ignore[type-var, misc]
    dated = [(a or b, b or a) for a, b in spans if a or b]
    inside = any(a <= end and b >= start for a, b in dated if a and b)
    assert same_period(spans, start, end) is (inside or not dated)
    assert same_period([*spans, (start, None)], start, end)
    with pytest.raises(ValueError):
        same_period(spans, end, start - dt.timedelta(days=1))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(Cause)), st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()))
def test_a_finding_on_design_is_carried_by_another_control_or_fails(
    cause: Cause, met: tuple[bool, bool, bool, bool]
) -> None:
    alone = design_effect(cause)
    assert alone.effect is Effect.CRITERION_FAILED
    assert alone.escalate is (cause is Cause.INTENTIONAL)
    helped = design_effect(cause, compensating=Compensating("IAM-09", *met)).effect
    carried = all(met) and cause is not Cause.INTENTIONAL
    assert helped is (Effect.COMPENSATED if carried else Effect.CRITERION_FAILED)


# --- in the flows


@pytest.fixture
@remembered
def raised() -> Deviation:
    engagement = m.at_fieldwork()
    Commitment.objects.create(
        engagement=engagement,
        kind="commitment",
        category="security",
        text="Access ends with work.",
        source="Terms, 3",
    )
    Commitment.objects.create(
        engagement=engagement, kind="commitment", category="availability", text="Up 99.9%.", source="Terms, 4"
    )
    return m.concluded(engagement, deviating=[(1, "B")]).deviations.get()


@pytest.mark.django_db
def test_proposed_from_the_engagement_and_kept_by_the_evaluation(raised: Deviation) -> None:
    assert chain_of(raised) == (), "nothing is proposed before there is a type"
    sworn = Commitment.objects.get(category="security")
    assert commitments_proposed(raised, effect="criterion_failed") == [sworn.pk]
    with pytest.raises(ValidationError, match="no commitment is touched"):
        m.evaluated(raised, commitments=[sworn])
    with pytest.raises(ValidationError, match="makes it systematic: The same root cause came back"):
        m.evaluated(raised, markers=["same_cause"])
    done = m.evaluated(
        raised,
        type="systematic",
        markers=["same_cause"],
        effect="criterion_failed",
        failed_criteria=["CC6.2"],
        commitments=[sworn],
    )
    assert (done.markers, list(done.touched_commitments.all())) == (["same_cause"], [sworn])
    steps = {step.rung: step.touched for step in chain_of(done)}
    assert (steps[Rung.CRITERION], steps[Rung.LIMB]) == (("CC6.2",), ("operating",))
    deviations.conclude(done, by=f.person("petra"))
    assert list(done.touched_commitments.all()) == [sworn]


@pytest.mark.django_db
def test_concluded_milder_nothing_above_is_touched(raised: Deviation) -> None:
    sworn = Commitment.objects.get(category="security")
    m.evaluated(raised, effect="criterion_failed", failed_criteria=["CC6.2"], commitments=[sworn])
    deviations.conclude(raised, by=f.person("petra"), effect="control_effective")
    assert not raised.touched_commitments.exists()
    assert not raised.failed_criteria.exists()


@pytest.mark.django_db
def test_a_compensating_control_is_refused_with_what_it_lacks(raised: Deviation) -> None:
    engagement = raised.engagement
    other = m.control(engagement, "IAM-09")
    offered = {"type": "systematic", "effect": "compensated", "compensating_control": other}
    with pytest.raises(ValidationError, match="IAM-09 does not compensate: it was not tested"):
        m.evaluated(raised, **offered)
    test = m.concluded(engagement, a_control=other)
    of_other_year = EvidenceFile.objects.filter(citations__test=test)
    of_other_year.update(speaks_from=dt.date(2024, 1, 1), speaks_to=dt.date(2024, 6, 30))
    with pytest.raises(ValidationError, match="did not cover the same period"):
        m.evaluated(raised, **offered)
    of_other_year.update(speaks_from=dt.date(2026, 1, 1), speaks_to=dt.date(2026, 6, 30))
    m.evaluated(raised, **offered)
    deviations.conclude(raised, by=f.person("petra"))
    assert not [one for one in findings("issue", engagement) if one.text.startswith("EX-01")]
    # It fails itself afterwards: what rested on it stands in the way of the report.
    more = m.concluded(engagement, a_control=other, deviating=[(1, "A")])
    m.evaluated(more.deviations.get(), effect="criterion_failed", failed_criteria=["CC6.2"])
    words = [one.text for one in findings("issue", engagement) if one.rule == "R32"]
    assert "EX-01: IAM-09 does not compensate: it was not found to operate." in words


@pytest.mark.django_db
def test_a_design_finding_of_a_type_1_goes_the_same_way(client: Client) -> None:
    engagement = m.at_fieldwork(type="1")
    test = m.concluded(engagement, deviating=[(1, "A")])
    assert test.phase == ControlTest.Phase.DESIGN
    deviation = m.evaluated(test.deviations.get(), type="systematic", markers=["design"])
    found = proposed(deviation)
    assert found is not None
    assert found.effect_label == "Criterion not met for the affected part"
    with pytest.raises(ValidationError, match="Say why the conclusion is softer"):
        deviations.conclude(deviation, by=f.person("petra"))
    m.evaluated(deviation, type="systematic", effect="criterion_failed", failed_criteria=["CC6.2"])
    deviation = deviations.conclude(deviation, by=f.person("petra"))
    assert {step.rung: step.touched for step in chain_of(deviation)}[Rung.LIMB] == ("design",)
    client.force_login(f.person("petra"))
    page = client.get(deviation.get_absolute_url()).content.decode()
    assert '<b class="bad-text">design</b>' in page
    deviation.effect = "control_effective"
    assert deviation.effect_words == "Control still suitably designed"
