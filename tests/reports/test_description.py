"""The description: written by the client's side, part by part, and completed when nothing is missing."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from audit.models import Event
from engagements.models import Commitment, Engagement, Stage
from engagements.workflow import WrongStage
from reports import description
from reports.models import DescriptionRevision, DescriptionSection, Part, SystemDescription
from tests import factories as f
from tests.reports import makers as m

pytestmark = pytest.mark.django_db


def test_start_makes_every_part_and_again_makes_nothing_twice() -> None:
    engagement = m.in_scope()
    carla = f.people(engagement)["carla"]
    first = description.start(engagement, by=carla)
    assert description.start(engagement, by=carla) == first
    assert DescriptionSection.objects.filter(engagement=engagement).count() == 10
    assert "Northwind Ledger system" in first.title
    assert Event.objects.filter(action="description.started").count() == 1


def test_type_1_has_no_part_on_changes() -> None:
    engagement = m.in_scope(type=Engagement.Type.TYPE_1)
    description.start(engagement, by=f.people(engagement)["carla"])
    assert not DescriptionSection.objects.filter(engagement=engagement, part=Part.DC9).exists()


@pytest.mark.parametrize("who", ["petra", "milan", "sana", "quinn", "owen", "sub"])
def test_only_the_clients_authors_write(who: str) -> None:
    engagement = m.in_scope()
    description.start(engagement, by=f.people(engagement)["carla"])
    with pytest.raises(PermissionDenied):
        description.save_section(engagement, Part.DC1, body="Ours", version=0, by=f.people(engagement)[who])
    assert DescriptionRevision.objects.count() == 0


def test_each_save_is_a_revision_and_the_same_text_is_none() -> None:
    engagement = m.in_scope()
    carla = f.people(engagement)["carla"]
    description.start(engagement, by=carla)
    description.save_section(engagement, Part.DC1, body="One", version=0, by=carla)
    description.save_section(engagement, Part.DC1, body="Two", version=1, by=carla)
    section = description.save_section(engagement, Part.DC1, body="Two", version=2, by=carla)
    assert section.version == 2
    assert list(section.revisions.values_list("body", flat=True)) == ["Two", "One"]


def test_a_text_that_changed_meanwhile_is_not_overwritten() -> None:
    engagement = m.in_scope()
    who = f.people(engagement)
    description.start(engagement, by=who["carla"])
    description.save_section(engagement, Part.DC1, body="Carla's", version=0, by=who["carla"])
    with pytest.raises(description.Stale) as refused:
        description.save_section(engagement, Part.DC1, body="Sigrid's", version=0, by=who["sig"])
    assert refused.value.section.body == "Carla's"
    assert DescriptionSection.objects.get(engagement=engagement, part=Part.DC1).body == "Carla's"


def test_completing_lists_everything_that_is_missing() -> None:
    engagement = m.in_scope()
    carla = f.people(engagement)["carla"]
    description.start(engagement, by=carla)
    Commitment.objects.filter(engagement=engagement).delete()
    with pytest.raises(ValidationError) as refused:
        description.complete(engagement, by=carla)
    words = " ".join(refused.value.messages)
    assert "DC1: The part is empty." in words
    assert "DC2: The register of commitments and requirements is empty." in words
    assert "DC8: The part is empty and every criterion is relevant. Say so in words." in words
    assert "other" not in words.lower().split(":")


def test_an_edit_opens_a_complete_description_again_but_other_information_does_not() -> None:
    engagement = m.in_scope()
    carla = f.people(engagement)["carla"]
    m.described(engagement)
    assert SystemDescription.objects.get(engagement=engagement).completed_by == carla
    description.save_section(engagement, Part.OTHER, body="Plans.", version=0, by=carla)
    assert SystemDescription.objects.get(engagement=engagement).completed_at is not None
    description.save_section(engagement, Part.DC1, body="Anew", version=1, by=carla)
    assert SystemDescription.objects.get(engagement=engagement).completed_at is None


def test_a_new_title_opens_it_too() -> None:
    engagement = m.in_scope()
    m.described(engagement)
    description.retitle(engagement, title="Our system", by=f.people(engagement)["carla"])
    made = SystemDescription.objects.get(engagement=engagement)
    assert (made.title, made.completed_at) == ("Our system", None)


def test_nothing_is_written_before_scoping_or_after_withdrawal() -> None:
    engagement = f.at_stage(m.in_scope(), Stage.WITHDRAWN)
    with pytest.raises(WrongStage):
        description.start(engagement, by=f.people(engagement)["carla"])
