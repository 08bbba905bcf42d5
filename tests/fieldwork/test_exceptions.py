"""Exceptions: raised from cells, evaluated, concluded against the proposal, answered; never deleted."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction

from audit.models import Event
from engagements.register import findings
from engagements.workflow import WrongStage
from fieldwork import deviations, signing, testing
from fieldwork.models import ControlTest, Deviation, ItemResult, ManagementResponse
from fieldwork.proposing import proposed
from tests import factories as f
from tests.fieldwork import makers as m
from tests.remembered import remembered

pytestmark = pytest.mark.django_db

Effect = Deviation.Effect


@pytest.fixture
@remembered
def sampled() -> ControlTest:
    """A worked sheet of 25 of 41 with two deviations in B."""
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    test = m.planned(engagement, control, a_sample=m.sample(engagement, control, size=25))
    m.worked(test, deviating=[(2, "B"), (5, "B")])
    return test


@pytest.fixture
def raised(sampled: ControlTest) -> Deviation:
    return m.raised(sampled, list(ItemResult.objects.filter(item__test=sampled, outcome="d")))


def test_codes_run_and_cells_belong_to_one(sampled: ControlTest) -> None:
    first, second = ItemResult.objects.filter(outcome="d").order_by("item__position")
    assert m.raised(sampled, [first]).code == "EX-01"
    with pytest.raises(ValidationError, match="is in EX-01 already"):
        m.raised(sampled, [first, second])
    assert m.raised(sampled, [second]).code == "EX-02"


def test_only_deviations_are_raised(sampled: ControlTest) -> None:
    passed = ItemResult.objects.filter(outcome="p").first()
    assert passed is not None
    with pytest.raises(ValidationError, match="Only cells marked as deviations"):
        m.raised(sampled, [passed])


def test_raising_is_the_firms_own(raised: Deviation) -> None:
    assert Event.objects.get(action="exception.raised").audience == Event.Audience.FIRM
    cells = list(raised.cells.all())
    with pytest.raises(PermissionDenied):
        deviations.raise_from_cells(cells, title="x", description="y", by=f.person("carla"))


def test_never_deleted(raised: Deviation) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Deviation.objects.filter(pk=raised.pk).delete()


def test_an_evaluation_is_complete_or_refused(raised: Deviation) -> None:
    with pytest.raises(ValidationError) as refused:
        m.evaluated(raised, cause="", extent=" ", effect="criterion_failed")
    assert set(refused.value.message_dict) == {"cause", "extent", "failed_criteria"}
    with pytest.raises(ValidationError, match="not mapped to CC9"):
        m.evaluated(raised, effect="criterion_failed", failed_criteria=["CC9.1"])
    with pytest.raises(ValidationError, match="no criterion fails"):
        m.evaluated(raised, failed_criteria=["CC6.2"])
    with pytest.raises(ValidationError, match="Name the control"):
        m.evaluated(raised, effect="compensated")
    with pytest.raises(ValidationError, match="Another control"):
        m.evaluated(raised, effect="compensated", compensating_control=raised.control)
    done = m.evaluated(raised, effect="criterion_failed", failed_criteria=["CC6.2"])
    assert done.state == Deviation.State.EVALUATED
    assert list(done.failed_criteria.values_list("pk", flat=True)) == ["CC6.2"]


def test_proposal_counts_the_sample(raised: Deviation) -> None:
    proposal = proposed(m.evaluated(raised))
    assert proposal is not None
    assert (proposal.assessment.tested, proposal.assessment.deviations) == (25, 2)
    assert proposal.assessment.population == 41
    assert proposal.proposal.effect == "criterion_failed"


def test_softer_than_proposed_needs_a_reason(raised: Deviation) -> None:
    petra = f.person("petra")
    m.evaluated(raised)
    with pytest.raises(ValidationError, match="Say why the conclusion is softer"):
        deviations.conclude(raised, by=petra)
    done = deviations.conclude(raised, softer_reason="Both accounts were without any right.", by=petra)
    assert (done.state, done.effect, done.concluded_by) == ("concluded", "control_effective", petra)
    event = Event.objects.get(action="exception.concluded")
    assert event.detail["proposed"] == "criterion_failed"


def test_harsher_is_always_allowed() -> None:
    test = m.concluded(m.at_fieldwork(), deviating=[(1, "A")])
    deviation = m.evaluated(test.deviations.get(), effect="criterion_failed", failed_criteria=["CC6.2"])
    proposal = proposed(deviation)
    assert proposal is not None
    assert proposal.proposal.effect == "control_effective"
    assert deviations.conclude(deviation, by=f.person("petra")).softer_reason == ""


def test_a_compensating_control_must_have_been_tested(raised: Deviation) -> None:
    engagement = raised.engagement
    other = m.control(engagement, "IAM-08")
    with pytest.raises(ValidationError, match="IAM-08 does not compensate: it was not tested"):
        m.evaluated(raised, type="systematic", effect="compensated", compensating_control=other)
    m.concluded(engagement, a_control=other)
    m.evaluated(raised, type="systematic", effect="compensated", compensating_control=other)
    assert deviations.conclude(raised, by=f.person("petra")).effect == "compensated"


@pytest.mark.parametrize("key", ["milan", "sana", "quinn", "carla"])
def test_only_the_partner_concludes(raised: Deviation, key: str) -> None:
    m.evaluated(raised)
    with pytest.raises(PermissionDenied):
        deviations.conclude(raised, by=f.person(key))
    with pytest.raises(PermissionDenied):
        deviations.not_a_deviation(raised, reason="x", by=f.person(key))


def test_evaluated_first(raised: Deviation) -> None:
    with pytest.raises(WrongStage, match="evaluated first"):
        deviations.conclude(raised, by=f.person("petra"))


def test_a_new_evaluation_takes_the_conclusion_back(raised: Deviation) -> None:
    m.evaluated(raised, effect="criterion_failed", failed_criteria=["CC6.2"])
    deviations.conclude(raised, by=f.person("petra"))
    again = m.evaluated(raised, cause="Another cause")
    assert again.state == Deviation.State.EVALUATED
    assert again.concluded_by is None


def test_dismissed_it_stays_with_its_reason_and_voids_the_signatures() -> None:
    engagement = m.at_fieldwork()
    test = m.concluded(engagement, deviating=[(1, "A")])
    m.signed(test)
    deviation = test.deviations.get()
    petra = f.person("petra")
    with pytest.raises(ValidationError, match="Say why"):
        deviations.not_a_deviation(deviation, reason=" ", by=petra)
    deviations.not_a_deviation(deviation, reason="The leaver was a test account.", by=petra)
    deviation.refresh_from_db()
    assert (deviation.state, deviation.dismissal_reason) == ("not_a_deviation", "The leaver was a test account.")
    assert signing.living(test) == {}
    testing.conclude_test(test, "no_exceptions", by=f.person("sana"))
    with pytest.raises(WrongStage):
        m.evaluated(deviation)


def test_the_client_answers_what_was_released(raised: Deviation) -> None:
    carla, owen = f.person("carla"), f.person("owen")
    with pytest.raises(WrongStage):
        deviations.respond(raised, text="We know.", by=carla)
    with pytest.raises(PermissionDenied):
        deviations.release_to_client(raised, by=f.person("sana"))
    deviations.release_to_client(raised, by=f.person("milan"))
    with pytest.raises(PermissionDenied):
        deviations.respond(raised, text="We know.", by=owen)
    with pytest.raises(ValidationError, match="Say what"):
        deviations.respond(raised, text=" ", by=carla)
    deviations.respond(raised, text="We changed the form.", by=carla)
    deviations.respond(raised, text="And tested it.", by=carla)
    assert [one.text for one in ManagementResponse.objects.all()] == ["And tested it.", "We changed the form."]
    assert Event.objects.filter(action="exception.responded").first().audience == Event.Audience.ALL  # type: ignore[union-attr]
    with pytest.raises(DatabaseError), transaction.atomic():
        ManagementResponse.objects.update(text="Nothing happened")


def test_unconcluded_it_stands_in_the_way_of_the_report(raised: Deviation) -> None:
    def rules() -> set[str]:
        return {finding.rule for finding in findings("issue", raised.engagement)}

    assert "R32" in rules()
    m.evaluated(raised, effect="criterion_failed", failed_criteria=["CC6.2"])
    assert "R32" in rules()
    deviations.conclude(raised, by=f.person("petra"))
    assert "R32" not in rules()
