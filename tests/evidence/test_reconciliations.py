"""Reconciliations: matched, explained, kept as evidence, redone; unresolved they stop acceptance."""

from __future__ import annotations

import dataclasses
import io

import openpyxl
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.models import Event
from engagements.models import Engagement, Stage
from engagements.register import Blocked, findings
from engagements.workflow import WrongStage
from evidence import populations, reconciliations
from evidence.models import EvidenceFile, ListingDifference, Population, Reconciliation
from evidence.reconciliations import Source
from tests import factories as f
from tests.evidence import makers

pytestmark = pytest.mark.django_db

# One leaver has no ticket, one left on another day.
TICKETS = b"ticket,left on\nOFF-3,2026-06-30\nOFF-1,2025-10-15\nOFF-9,2026-01-01\n"


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


@pytest.fixture
def population(engagement: Engagement) -> Population:
    return makers.population(engagement)


def sana(engagement: Engagement) -> User:
    return f.people(engagement)["sana"]


def explained(made: Reconciliation, cause: str = "timing") -> int:
    return reconciliations.explain(
        made,
        made.differences.values_list("pk", flat=True),
        cause=cause,
        explanation="Listed a day later.",
        by=sana(made.engagement),
    )


def concluded(made: Reconciliation) -> Reconciliation:
    explained(made)
    return reconciliations.conclude(made, conclusion="The listing is complete.", by=sana(made.engagement))


def accept(population: Population) -> Population:
    return populations.accept(
        population, conclusion="Complete.", precision_adequate=True, by=sana(population.engagement)
    )


class TestMatched:
    def test_every_difference_is_kept_with_its_rows(self, population: Population) -> None:
        made = makers.matched(population, TICKETS)
        assert (made.code, made.state, made.matched) == ("REC-001", "open", 1)
        assert [(one.kind, one.key, one.first_row, one.second_row) for one in made.differences.all()] == [
            ("unequal", "OFF-1", 1, 2),
            ("only_first", "OFF-2", 2, None),
            ("only_second", "OFF-9", None, 3),
        ]
        unequal = made.differences.first()
        assert unequal is not None
        assert (unequal.first["left on"], unequal.second["left on"]) == ("2025-10-14", "2025-10-15")
        event = Event.objects.get(action="reconciliation.matched")
        assert event.detail["differences"] == 3
        assert event.detail["listings"][0] == population.sha256

    def test_matched_again_it_keeps_the_explanations_of_the_same(self, population: Population) -> None:
        made = makers.matched(population, TICKETS)
        explained(made)
        keys_only = dataclasses.replace(makers.BY_TICKET, compared=())
        again = reconciliations.match(made, keys_only, by=sana(population.engagement))
        assert {one.key: one.cause for one in again.differences.all()} == {"OFF-2": "timing", "OFF-9": "timing"}

    def test_looking_keeps_nothing(self, population: Population) -> None:
        made = makers.begun(population, TICKETS)
        assert len(reconciliations.outcome(made, makers.BY_TICKET).differences) == 3
        assert not ListingDifference.objects.exists()

    def test_columns_are_proposed(self, population: Population) -> None:
        made = makers.begun(population, TICKETS, pattern="changes_deployments")
        assert not made.each_once
        assert reconciliations.proposed(made).keys == (("ticket", "ticket"),)

    def test_what_cannot_be_read_is_said_at_its_listing(
        self, engagement: Engagement, population: Population
    ) -> None:
        text = makers.second_source(engagement, b"ticket,left on\nOFF-1\n")
        with pytest.raises(ValidationError) as refusal:
            reconciliations.begin(
                engagement,
                title="T",
                first=Source("A", population=population),
                second=Source("B", file=text),
                by=sana(engagement),
            )
        assert "Row 2 has 1 cells" in refusal.value.message_dict["second"][0]
        with pytest.raises(ValidationError, match="same listing"):
            reconciliations.begin(
                engagement,
                title="T",
                first=Source("A", population=population),
                second=Source("B", population=population),
                by=sana(engagement),
            )
        assert not Reconciliation.objects.exists()

    @pytest.mark.parametrize("key", ["carla", "owen", "quinn", "ray"])
    def test_only_the_team_reconciles(self, population: Population, key: str) -> None:
        who = f.people(population.engagement)[key]
        source = Source("A", population=population)
        with pytest.raises(PermissionDenied):
            reconciliations.begin(population.engagement, title="T", first=source, second=source, by=who)


class TestConcluded:
    def test_it_becomes_an_evidence_file_with_every_difference(self, population: Population) -> None:
        made = concluded(makers.matched(population, TICKETS))
        assert made.file is not None
        assert made.file.obtained_by_auditor
        book = openpyxl.load_workbook(io.BytesIO(made.file.open().read()))
        record = {row[0].value: row[1].value for row in book["Record"]}
        assert record["SHA-256 of the listing"] == population.sha256
        assert record["Differences"] == 3
        rows = list(book["Differences"].values)
        assert len(rows) == 4
        assert rows[2][1:4] == ("Only in the first", "OFF-2", 2)
        assert rows[2][8:10] == ("Timing: the listings are of different moments", "Listed a day later.")

    def test_a_cell_never_becomes_a_formula(self, engagement: Engagement) -> None:
        content = makers.LEAVERS.replace(b"OFF-2", b"=1+1")
        made = concluded(makers.matched(makers.population(engagement, content), TICKETS))
        assert made.file is not None
        book = openpyxl.load_workbook(io.BytesIO(made.file.open().read()))
        cells = [cell for row in book["Differences"] for cell in row]
        assert "=1+1" in [cell.value for cell in cells]
        assert all(cell.data_type != "f" for cell in cells)

    def test_nothing_of_it_changes_any_more(self, population: Population) -> None:
        made = concluded(makers.matched(population, TICKETS))
        for act in (
            lambda: ListingDifference.objects.filter(reconciliation=made).update(explanation="Other."),
            lambda: ListingDifference.objects.filter(reconciliation=made).delete(),
            lambda: Reconciliation.objects.filter(pk=made.pk).update(conclusion="Other."),
            lambda: made.listings.update(label="Other"),
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                act()
        with pytest.raises(WrongStage):
            explained(made)

    def test_not_while_a_difference_is_unresolved(self, population: Population) -> None:
        made = makers.matched(population, TICKETS)
        with pytest.raises(ValidationError, match="3 differences are not explained"):
            reconciliations.conclude(made, conclusion="Complete.", by=sana(population.engagement))
        explained(made, cause="wrong")
        with pytest.raises(ValidationError, match="a listing is wrong"):
            reconciliations.conclude(made, conclusion="Complete.", by=sana(population.engagement))
        assert EvidenceFile.objects.count() == 2

    def test_an_explanation_needs_words_and_may_be_taken_back(self, population: Population) -> None:
        made = makers.matched(population, TICKETS)
        by = sana(population.engagement)
        pks = list(made.differences.values_list("pk", flat=True))
        with pytest.raises(ValidationError, match="in words"):
            reconciliations.explain(made, pks, cause="timing", explanation=" ", by=by)
        file = makers.second_source(population.engagement, b"mail of HR\n", "mail.txt")
        assert (
            reconciliations.explain(made, pks[:1], cause="timing", explanation="Late.", evidence=file, by=by) == 1
        )
        one = ListingDifference.objects.get(pk=pks[0])
        assert (one.evidence, one.explained_by) == (file, by)
        assert ListingDifference.objects.filter(reconciliation=made).unresolved().count() == 2
        reconciliations.explain(made, pks[:1], cause="", explanation="", by=by)
        assert ListingDifference.objects.filter(reconciliation=made).unresolved().count() == 3


class TestAcceptance:
    def test_unresolved_differences_stop_it(self, population: Population) -> None:
        made = makers.matched(population, TICKETS)
        with pytest.raises(Blocked, match="E10: REC-001: 3 differences are unresolved"):
            accept(population)
        explained(made)
        with pytest.raises(Blocked, match="Conclude it"):
            accept(population)
        reconciliations.conclude(made, conclusion="Complete.", by=sana(population.engagement))
        assert accept(population).state == Population.State.ACCEPTED

    def test_what_was_only_begun_stops_nothing_and_can_be_discarded(self, population: Population) -> None:
        made = makers.begun(population, TICKETS)
        assert accept(population).state == Population.State.ACCEPTED
        reconciliations.discard(made, by=sana(population.engagement))
        assert not Reconciliation.objects.exists()

    def test_one_begun_after_acceptance_stops_the_report(self, population: Population) -> None:
        engagement = population.engagement
        accept(population)
        makers.matched(population, TICKETS)
        assert [one.text for one in findings("issue", engagement) if one.rule == "E10"] == [
            "REC-001 of an accepted population is not concluded."
        ]

    def test_a_newer_version_is_reconciled_anew_with_what_was_explained(self, population: Population) -> None:
        engagement = population.engagement
        made = concluded(makers.matched(population, TICKETS))
        newer = makers.population(
            engagement,
            makers.LEAVERS + b"OFF-4,Dan Ek,2026-08-31\n",
            ipe={"system_row_count": 4},
            replaces=population,
        )
        with pytest.raises(Blocked, match="Redo it with this one"):
            accept(newer)
        again = reconciliations.redo(made, by=sana(engagement))
        assert (str(again), again.state, again.replaces) == ("REC-001 v2", "open", made)
        assert {one.key: (one.cause, one.carried) for one in again.differences.all()} == {
            "OFF-1": ("timing", True),
            "OFF-2": ("timing", True),
            "OFF-4": ("", False),
            "OFF-9": ("timing", True),
        }
        made.refresh_from_db()
        assert made.state == Reconciliation.State.SUPERSEDED
        concluded(again)
        assert accept(newer).state == Population.State.ACCEPTED

    def test_without_a_newer_listing_there_is_nothing_to_redo(self, population: Population) -> None:
        with pytest.raises(ValidationError, match="nothing to reconcile anew"):
            reconciliations.redo(makers.matched(population, TICKETS), by=sana(population.engagement))


class TestPages:
    @pytest.fixture
    def desk(self, client: Client, engagement: Engagement) -> Client:
        client.force_login(sana(engagement))
        return client

    def test_from_the_listings_to_the_result(self, desk: Client, population: Population) -> None:
        engagement = population.engagement
        source = makers.second_source(engagement, TICKETS)
        new = reverse("evidence:begin_reconciliation", args=[engagement.pk])
        assert (
            f'value="p{population.pk}" selected' in desk.get(f"{new}?population={population.pk}").content.decode()
        )
        data = {"pattern": "hr_idp", "first": f"p{population.pk}", "second": f"f{source.pk}"}
        match = desk.post(new, data)["Location"]
        made = Reconciliation.objects.get()
        assert made.title == "HR roster to users of the identity provider"
        columns = {
            "key_0_0": "ticket",
            "key_0_1": "ticket",
            "compare_0_0": "left on",
            "compare_0_1": "left on",
            "alike": ["case"],
            "each_once": "on",
        }
        looked = desk.post(match, {**columns, "act": "look"}).content.decode()
        assert "Only in HR roster" in looked
        assert "2025-10-14" in looked
        assert not made.differences.exists()
        shown = desk.post(match, {**columns, "act": "match"}, follow=True).content.decode()
        assert "not explained" in shown
        explain = reverse("evidence:explain_differences", args=[engagement.pk, made.pk])
        words = {"cause": "timing", "explanation": "Late.", "scope": "filtered", "kind": "only_first"}
        desk.post(explain, words)
        assert made.differences.exclude(cause="").count() == 1
        refused = desk.post(explain, {**words, "scope": "picked"})
        assert refused.status_code == 422
        assert "Choose the differences" in refused.content.decode()
        desk.post(explain, {**words, "kind": ""})
        url = reverse("evidence:conclude_reconciliation", args=[engagement.pk, made.pk])
        done = desk.post(url, {"conclusion": "Complete."}, follow=True).content.decode()
        assert "Kept as" in done
        assert "REC-001" in desk.get(population.get_absolute_url()).content.decode()

    def test_a_new_file_as_the_second_listing(self, desk: Client, population: Population) -> None:
        new = reverse("evidence:begin_reconciliation", args=[population.engagement_id])
        file = io.BytesIO(TICKETS)
        file.name = "tickets.csv"
        desk.post(new, {"title": "Tickets", "first": f"p{population.pk}", "file": file})
        assert [str(one.file.name) for one in Reconciliation.objects.get().listings.all()][1] == "tickets.csv"
        bad = io.BytesIO(b"\x00\x01")
        bad.name = "tickets.csv"
        refused = desk.post(new, {"title": "Tickets", "first": f"p{population.pk}", "file": bad})
        assert refused.status_code == 422

    def test_half_a_pair_of_columns_is_refused_at_its_place(self, desk: Client, population: Population) -> None:
        made = makers.begun(population, TICKETS)
        url = reverse("evidence:match_reconciliation", args=[population.engagement_id, made.pk])
        refused = desk.post(url, {"act": "match", "key_0_0": "ticket"})
        assert refused.status_code == 422
        assert "of both listings, or of neither" in refused.content.decode()
