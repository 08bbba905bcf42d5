"""Targeted selections: chosen with a reason, beside a drawn sample, never projected; checked by outsiders."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pgtrigger
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from audit.models import Event
from engagements.models import Control, Engagement, Stage
from engagements.register import Blocked, findings
from evidence import populations
from evidence.models import Population
from fieldwork import drawing, redraw
from fieldwork import testing as planning
from fieldwork.models import ControlTest, Sample, SampleItem, SheetItem
from fieldwork.proposing import proposed
from fieldwork.standing import standing
from reports import opinion, snapshot
from tests import factories as f
from tests.fieldwork import makers

pytestmark = pytest.mark.django_db


@pytest.fixture
def engagement() -> Engagement:
    return makers.at_fieldwork()


@pytest.fixture
def control(engagement: Engagement) -> Control:
    return makers.control(engagement)


@pytest.fixture
def population(engagement: Engagement, control: Control) -> Population:
    return makers.population(engagement, control)


def choose(
    population: Population, control: Control, rows: Any = (3, 17), key: str = "sana", **fields: Any
) -> Sample:
    values: dict[str, Any] = {"reason": "Administrators who left.", **fields}
    given = rows if isinstance(rows, dict) else dict.fromkeys(rows, "")
    return drawing.choose(population, control, given, by=f.people(population.engagement)[key], **values)


class TestChosen:
    def test_with_its_reason_and_without_seed(self, population: Population, control: Control) -> None:
        made = choose(population, control, {17: "Last of the team", 3: ""})
        assert (made.method, made.seed, made.profile, made.size, made.proposed_size) == ("targeted", "", None, 2, 0)
        assert [(item.row, item.key, item.reason) for item in made.items.all()] == [
            (3, "OFF-3", ""),
            (17, "OFF-17", "Last of the team"),
        ]
        assert Event.objects.get(action="sample.chosen").detail["rows"] == [3, 17]
        assert str(made) == "IAM-06 selection of 2"

    def test_it_stands_beside_a_drawn_one_and_in_no_ones_place(
        self, population: Population, control: Control
    ) -> None:
        choose(population, control)
        drawn = drawing.draw(population, control, by=f.people(population.engagement)["sana"])
        choose(population, control, [5])
        assert list(Sample.objects.drawn()) == [drawn]
        with pytest.raises(ValidationError, match="never drawn anew"):
            drawing.draw(population, control, by=f.people(population.engagement)["sana"])

    @pytest.mark.parametrize(
        ("rows", "fields", "words"),
        [
            ((), {}, "Choose rows"),
            ((0,), {}, "from 1 to 41"),
            ((42,), {}, "from 1 to 41"),
            ((1,), {"reason": " "}, "Say why these items"),
        ],
    )
    def test_refused_in_words(
        self, population: Population, control: Control, rows: tuple[int, ...], fields: dict[str, Any], words: str
    ) -> None:
        with pytest.raises(ValidationError, match=words):
            choose(population, control, rows, **fields)

    def test_not_from_what_is_not_accepted(self, engagement: Engagement, control: Control) -> None:
        with pytest.raises(Blocked, match="R18"):
            choose(makers.provided(engagement, control), control)

    @pytest.mark.parametrize("key", ["carla", "quinn", "ray"])
    def test_not_by_others(self, population: Population, control: Control, key: str) -> None:
        with pytest.raises(PermissionDenied):
            choose(population, control, key=key)

    def test_the_database_knows_the_two_kinds_apart(self, population: Population, control: Control) -> None:
        made = choose(population, control)
        with pgtrigger.ignore("fieldwork.Sample:drawn_stays"):
            for wrong in ({"seed": "0" * 64}, {"method": "random"}):
                with pytest.raises(DatabaseError), transaction.atomic():
                    Sample.objects.filter(pk=made.pk).update(**wrong)

    def test_void_when_its_population_is_replaced(
        self, engagement: Engagement, population: Population, control: Control
    ) -> None:
        made = choose(population, control)
        newer = makers.provided(engagement, control, count=42, replaces=population)
        populations.accept(newer, conclusion="Now whole.", precision_adequate=True, by=f.people(engagement)["sana"])
        made.refresh_from_db()
        assert made.voided_at is not None


class TestNothingIsProjected:
    def test_no_limits_at_the_sheet_nor_at_the_exception(self, population: Population, control: Control) -> None:
        test = makers.planned(population.engagement, control, a_sample=choose(population, control, range(1, 13)))
        cells = makers.worked(test, deviating=[(1, "B"), (2, "B"), (3, "B")])
        found = standing(test)
        assert found.targeted
        assert all(column.upper_90 is None and column.at_most is None for column in found.columns)
        isolated = proposed(makers.evaluated(makers.raised(test, cells)))
        assert isolated is not None
        assert not isolated.assessment.projected
        assert isolated.assessment.upper95 == isolated.assessment.rate == 0.25
        assert isolated.proposal.effect == "control_effective"
        assert "nothing is projected" in " ".join(isolated.proposal.reasons)

    def test_the_report_says_selected(self, population: Population, control: Control) -> None:
        test = makers.planned(population.engagement, control, a_sample=choose(population, control))
        makers.worked(test)
        taken = snapshot.build(population.engagement)
        (printed,) = next(one for one in taken["controls"] if one["number"] == "IAM-06")["tests"]
        assert (printed["unit"], printed["items_tested"], printed["population"]) == ("items selected by us", 2, 41)

    def test_more_deviations_than_expected_are_said_at_the_sheet(
        self, engagement: Engagement, control: Control
    ) -> None:
        sample = makers.sample(engagement, control, expected_deviations=1)
        test = makers.planned(engagement, control, a_sample=sample)
        makers.worked(test, deviating=[(1, "B")])
        assert not standing(test).more_than_expected
        makers.cell(test, 2, "B", "d", note="Late again", place="p. 3")
        assert standing(test).more_than_expected
        with pytest.raises(ValidationError, match="Between 0 and"):
            makers.sample(engagement, makers.control(engagement, "IAM-07"), expected_deviations=99)


class TestChecked:
    def test_by_the_command(self, population: Population, control: Control) -> None:
        made = choose(population, control)
        drawing.draw(population, control, by=f.people(population.engagement)["sana"])
        out = StringIO()
        call_command("verify_sample", population.engagement.number, control="IAM-06", stdout=out)
        assert [line[:9] for line in out.getvalue().splitlines()] == ["same     ", "same     "]
        with pytest.raises(CommandError, match="no such sample"):
            call_command("verify_sample", "none")
        with pgtrigger.ignore("fieldwork.SampleItem:append_only"):
            SampleItem.objects.filter(sample=made, row=3).update(row=4)
        with pytest.raises(CommandError, match="1 sample cannot"):
            call_command("verify_sample", stdout=out)
        assert "differs from row 4" in out.getvalue()

    def test_by_an_outsider_with_the_listing_the_record_and_the_script(
        self, population: Population, control: Control, tmp_path: Path
    ) -> None:
        sana = f.people(population.engagement)["sana"]
        (tmp_path / "listing.csv").write_bytes(populations.download(population, by=sana))
        for sample in (choose(population, control), drawing.draw(population, control, by=sana)):
            record = drawing.take_record(sample, by=sana)
            assert outsider(tmp_path, record) == 0
            assert outsider(tmp_path, {**record, "population_sha256": "0" * 64}) == 1
            assert outsider(tmp_path, {**record, "keys": [*record["keys"][:-1], "OFF-99"]}) == 1
            if sample.seed:
                assert outsider(tmp_path, {**record, "rows": [*record["rows"][:-1], record["rows"][-1] - 1]}) == 1
            else:
                assert outsider(tmp_path, {**record, "rows": [3, 42]}) == 1

    @pytest.mark.drill
    def test_every_way_of_drawing_follows_from_the_listing_alone(
        self, engagement: Engagement, tmp_path: Path
    ) -> None:
        sana = f.people(engagement)["sana"]
        drawn = {}
        for number, (method, size) in enumerate(SIZES.items()):
            control = makers.control(engagement, f"IAM-1{number}")
            population = makers.population(engagement, control, count=41 + number)
            drawn[method] = drawing.draw(population, control, method=method, size=size + number, by=sana)
        out = StringIO()
        call_command("verify_sample", engagement.number, stdout=out)
        lines = out.getvalue().splitlines()
        assert len(lines) == len(SIZES) == len(Sample.Method.values) - 1
        for (method, sample), line in zip(drawn.items(), lines, strict=True):
            assert line.startswith("same")
            assert Sample.Method(method).label.lower() in line
            (tmp_path / "listing.csv").write_bytes(populations.download(sample.population, by=sana))
            record = drawing.take_record(sample, by=sana)
            assert outsider(tmp_path, record) == 0
            for wrong in (
                {"rows": []},
                {"keys": []},
                {"seed": "0" * 64},
                {"size": sample.size - 1},
                {"control": "X"},
            ):
                assert outsider(tmp_path, {**record, **wrong}) == 1, (method, wrong)
        exchange(drawn["random"])
        exchange(drawn["stratified"])
        exchange(drawn["systematic"])
        with pgtrigger.ignore("fieldwork.SampleItem:append_only"):
            drawn["census"].items.filter(row=1).delete()
        with pytest.raises(CommandError, match="4 samples cannot"):
            call_command("verify_sample", stdout=out)


# As many as the profile asks for, or all.
SIZES = {"random": 25, "stratified": 25, "systematic": 25, "census": 41}


def exchange(sample: Sample) -> None:
    """Put a row that was not drawn in the place of one that was, without a trace in the item itself."""
    rows = populations.rows(sample.population)
    taken = {item.row for item in sample.items.all()}
    other = next(row for row in range(1, len(rows.rows) + 1) if row not in taken)
    values = dict(zip(rows.columns, rows.rows[other - 1], strict=True))
    with pgtrigger.ignore("fieldwork.SampleItem:append_only"):
        first = sample.items.get(position=1)
        SampleItem.objects.filter(pk=first.pk).update(row=other, values=values, key=values["ticket"])


def outsider(folder: Path, record: dict[str, Any]) -> int:
    (folder / "sample.json").write_text(json.dumps(record))
    command = [sys.executable, "-I", redraw.__file__, "listing.csv", "--record", "sample.json"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


def test_choosing_in_the_page(client: Client, population: Population, control: Control) -> None:
    client.force_login(f.people(population.engagement)["sana"])
    url = reverse("fieldwork:choose", args=[population.engagement_id, population.pk, control.number])
    shown = client.post(url, {"act": "look", "q": "person 17", "row": ["3"], "reason_3": "First"}).content.decode()
    assert 'name="row" value="3" checked' in shown
    assert 'value="First"' in shown
    assert "OFF-17" in shown
    assert "OFF-18" not in shown
    refused = client.post(url, {"act": "take", "row": ["3", "17"]})
    assert refused.status_code == 422
    assert "Say why these items" in refused.content.decode()
    bad = client.post(url, {"act": "take", "rows": "4-2", "reason": "R."})
    assert bad.status_code == 422
    sent = {"act": "take", "row": ["3"], "rows": "17, 20 to 21", "reason": "Administrators.", "reason_3": "First"}
    page = client.post(url, sent, follow=True).content.decode()
    assert "Selection of 4" in page
    assert "nothing is projected" in page
    assert client.get(reverse("fieldwork:redraw_script")).content == Path(redraw.__file__).read_bytes()


class TestUnobtainable:
    """R22: no item is exchanged for another; what cannot be had deviates or limits the scope."""

    @pytest.fixture
    def test(self, population: Population, control: Control) -> ControlTest:
        made = makers.planned(population.engagement, control, a_sample=choose(population, control))
        file = makers.evidence(population.engagement, control)
        planning.cite(made, file, by=f.people(population.engagement)["sana"])
        return made

    def mark(self, test: ControlTest, effect: str, **fields: Any) -> SheetItem:
        values: dict[str, Any] = {
            "reason": "The ticket system lost it.",
            "citation": test.citations.get(),
            **fields,
        }
        item = SheetItem.objects.filter(test=test)[0]
        return planning.mark_unobtainable(item, effect=effect, by=f.people(test.engagement)["sana"], **values)

    def test_as_a_deviation_its_cells_deviate(self, test: ControlTest) -> None:
        item = self.mark(test, "deviation")
        assert {(cell.outcome, cell.note) for cell in item.results.all()} == {("d", "The ticket system lost it.")}
        assert "R33" in {finding.rule for finding in findings("sign", test)}

    def test_as_a_limitation_it_needs_a_matter(self, test: ControlTest) -> None:
        item = self.mark(test, "limitation")
        assert {cell.outcome for cell in item.results.all()} == {"n"}
        engagement = test.engagement
        (finding,) = [one for one in findings("issue", engagement) if one.rule == "R22"]
        assert "no matter says so" in finding.text
        f.at_stage(engagement, Stage.REPORTING)
        opinion.add_matter(
            engagement,
            limbs=["operating"],
            cause="scope",
            title="Lost tickets",
            basis="Tickets could not be obtained.",
            criteria=["CC6.2"],
            deviations=[],
            by=f.people(engagement)["petra"],
        )
        assert [one for one in findings("issue", engagement) if one.rule == "R22"] == []

    def test_it_can_turn_up(self, test: ControlTest) -> None:
        item = planning.obtained(self.mark(test, "limitation"), by=f.people(test.engagement)["sana"])
        assert not item.unobtainable
        assert not item.results.exists()

    def test_refused_without_reason_or_where_results_stand(self, test: ControlTest) -> None:
        with pytest.raises(ValidationError, match="Say why"):
            self.mark(test, "deviation", reason=" ")
        with pytest.raises(ValidationError, match="limits the scope"):
            self.mark(test, "lost")
        makers.worked(test)
        with pytest.raises(ValidationError, match="Every cell"):
            self.mark(test, "deviation")
