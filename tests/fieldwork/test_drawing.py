"""A sample follows from its population and can be drawn again; nobody chooses or exchanges an item."""

from pathlib import Path

import pgtrigger
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import storages
from django.db import DatabaseError, transaction

from audit.models import Event
from engagements.activity import line
from engagements.models import Stage
from engagements.register import Blocked
from evidence import populations
from evidence.storage import stored_name
from fieldwork import drawing, sampling, testing
from fieldwork.models import Sample, SampleItem
from tests import factories as f
from tests.fieldwork import makers as m

pytestmark = pytest.mark.django_db


def test_size_by_profile_and_seed_by_population() -> None:
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    population = m.population(engagement, control, count=41)
    sample = drawing.draw(population, control, by=f.people(engagement)["sana"])
    assert (sample.size, sample.proposed_size, sample.method) == (12, 12, Sample.Method.STRATIFIED)
    assert sample.seed == sampling.seed(engagement.number, "IAM-06", population.sha256)
    first = sample.items.get(position=1)
    assert first.values["ticket"] == first.key == f"OFF-{first.row}"
    event = Event.objects.get(action="sample.drawn")
    assert event.audience == Event.Audience.FIRM
    assert event.detail["rows"] == list(sample.items.values_list("row", flat=True))


def test_the_reason_says_what_was_drawn_where_the_profile_asks_for_something_else() -> None:
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    every = m.sample(engagement, control, count=20, method="census")
    assert every.proposal_reason.endswith("That is 10 of 20 items. 20 were drawn.")
    other = drawing.draw(
        m.population(engagement, control, count=21, name="Others"), control, by=f.people(engagement)["sana"]
    )
    assert other.proposal_reason.endswith("That is 10 of 21 items.")


def test_drawn_again_it_is_equal() -> None:
    engagement = m.at_fieldwork()
    sample = m.sample(engagement, m.control(engagement))
    comparison = drawing.compare(sample)
    assert comparison.equal
    assert drawing.redraw(sample) == comparison.recorded


def test_altered_listing_is_refused() -> None:
    engagement = m.at_fieldwork()
    sample = m.sample(engagement, m.control(engagement))
    place = Path(storages["evidence"].path(stored_name(engagement.pk, sample.population.sha256)))
    whole = place.read_bytes()
    place.write_bytes(whole + b'"OFF-99","Somebody","2026-01-01"\n')
    try:
        with pytest.raises(ValidationError, match="R19"):
            drawing.redraw(sample)
        assert not drawing.compare(sample).equal
    finally:
        # Other tests have the same population, whose rows are remembered without the file.
        place.write_bytes(whole)


def test_altered_item_is_noticed() -> None:
    engagement = m.at_fieldwork()
    sample = m.sample(engagement, m.control(engagement))
    item = sample.items.get(position=1)
    with pgtrigger.ignore("fieldwork.SampleItem:append_only"):
        SampleItem.objects.filter(pk=item.pk).update(values=item.values | {"employee": "Somebody else"})
    assert "differs from row" in drawing.compare(sample).problem


def test_refused_before_the_population_is_accepted() -> None:
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    population = m.provided(engagement, control)
    with pytest.raises(Blocked, match="R18"):
        drawing.draw(population, control, by=f.people(engagement)["sana"])
    assert not Sample.objects.exists()


def test_refused_without_an_approved_profile() -> None:
    engagement = f.at_stage(f.accepted(), Stage.FIELDWORK)
    control = m.control(engagement)
    population = m.population(engagement, control)
    with pytest.raises(ValidationError, match="not approved a sampling profile"):
        drawing.draw(population, control, by=f.people(engagement)["sana"])


def test_refused_for_a_control_the_population_is_not_of() -> None:
    engagement = m.at_fieldwork()
    population = m.population(engagement, m.control(engagement))
    other = m.control(engagement, "CHG-01")
    with pytest.raises(ValidationError, match="not a population of"):
        drawing.draw(population, other, by=f.people(engagement)["sana"])


@pytest.mark.parametrize("key", ["carla", "owen", "quinn", "ray"])
def test_refused_without_the_right(key: str) -> None:
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    population = m.population(engagement, control)
    with pytest.raises(PermissionDenied):
        drawing.draw(population, control, by=f.people(engagement)[key])


def test_fewer_than_the_profile_need_a_manager_and_a_reason() -> None:
    engagement = m.at_fieldwork()
    who = f.people(engagement)
    control = m.control(engagement)
    population = m.population(engagement, control)
    with pytest.raises(Blocked, match="R21"):
        drawing.draw(population, control, size=5, smaller_reason="Enough.", by=who["sana"])
    with pytest.raises(Blocked, match="Say why"):
        drawing.draw(population, control, size=5, by=who["milan"])
    sample = drawing.draw(population, control, size=5, smaller_reason="Monitored daily too.", by=who["milan"])
    assert (sample.size, sample.items.count()) == (5, 5)


def test_drawn_once() -> None:
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    population = m.population(engagement, control)
    sana = f.people(engagement)["sana"]
    drawing.draw(population, control, by=sana)
    with pytest.raises(ValidationError, match="never drawn anew"):
        drawing.draw(population, control, size=13, by=sana)


def test_nobody_can_void_a_sample_of_a_population_that_stands() -> None:
    engagement = m.at_fieldwork()
    sample = m.sample(engagement, m.control(engagement))
    with pytest.raises(ValidationError, match="only when its population"):
        drawing.void(sample, reason="I like others better", by=f.people(engagement)["petra"])


def test_new_version_of_the_population_voids_the_sample_and_the_signatures() -> None:
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    sample = m.sample(engagement, control)
    test = m.concluded(engagement, a_control=control, a_sample=sample)
    m.signed(test)
    newer = m.provided(engagement, control, count=44, replaces=sample.population)
    populations.accept(newer, conclusion="Complete.", precision_adequate=True, by=f.people(engagement)["sana"])
    sample.refresh_from_db()
    assert sample.voided_at is not None
    assert "newer version" in sample.voided_reason
    assert not test.sign_offs.filter(voided_at__isnull=True).exists()
    assert "sample was voided" in test.sign_offs.latest("pk").voided_reason
    assert sample.items.count() == sample.size
    again = drawing.draw(newer, control, by=f.people(engagement)["sana"])
    assert again.seed != sample.seed


def test_work_on_a_voided_sample_stays_readable_and_its_exceptions_stay() -> None:
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    test = m.concluded(engagement, a_control=control, a_sample=m.sample(engagement, control), deviating=[(2, "A")])
    first, second = test.items.order_by("position")[:2]
    old = test.sample
    assert old is not None
    newer = m.provided(engagement, control, count=44, replaces=old.population)
    sana = f.people(engagement)["sana"]
    waiting = populations.newer_than(old.population)
    assert waiting == newer
    populations.accept(newer, conclusion="Complete.", precision_adequate=True, by=sana)
    again = drawing.draw(newer, control, by=sana)
    testing.use_sample(test, again, by=sana)
    event = Event.objects.filter(action="test.extended").latest("pk")
    shown = {name: before for name, before, _ in line(event).changes}
    assert len(shown) == old.size - 1
    assert "A pass (E-" in shown[first.label]
    assert "Sana" in shown[first.label]
    second.refresh_from_db()
    assert (second.sample_item, second.label.endswith("(of the voided sample)")) == (None, True)
    assert second.results.count() == test.attributes.count()
    drawn = test.items.filter(sample_item__isnull=False).values_list("sample_item", flat=True)
    assert set(drawn) == set(again.items.values_list("pk", flat=True))
    m.worked(test)
    testing.conclude_test(test, "exceptions", by=sana)
    assert len(m.signed(test, "prepared")) == 1


def test_a_drawn_item_stays() -> None:
    engagement = m.at_fieldwork()
    sample = m.sample(engagement, m.control(engagement))
    with pytest.raises(DatabaseError), transaction.atomic():
        sample.items.get(position=1).delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        Sample.objects.filter(pk=sample.pk).update(seed="0" * 64)


def test_everything_where_the_profile_asks_for_all() -> None:
    engagement = m.at_fieldwork()
    sample = m.sample(engagement, m.control(engagement), count=7)
    assert (sample.size, sample.method) == (7, Sample.Method.CENSUS)


def test_nothing_to_draw_from_an_empty_population() -> None:
    engagement = m.at_fieldwork()
    control = m.control(engagement)
    with pytest.raises(ValidationError, match="did not"):
        m.sample(engagement, control, count=0)
