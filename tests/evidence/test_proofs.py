"""A listing's record holds files that show how it was obtained, until it is decided on (domain 3.2)."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from audit.models import Event
from engagements.models import Engagement, Stage
from engagements.workflow import WrongStage
from evidence import populations, proofs
from evidence.models import EvidenceFile, Population, PopulationProof
from tests import factories as f
from tests.evidence import makers
from tests.evidence import test_validation as validated

pytestmark = pytest.mark.django_db

PNG = validated.picture()


@pytest.fixture
def engagement() -> Engagement:
    return f.at_stage(f.accepted(), Stage.FIELDWORK)


def picture(name: str = "query.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, PNG)


def signed_in(engagement: Engagement, who: str) -> Client:
    client = Client()
    client.force_login(f.people(engagement)[who], backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_picture_is_received_and_stands_in_the_record(engagement: Engagement) -> None:
    who = f.people(engagement)
    asked = makers.request(engagement)
    population = makers.population(engagement, request=asked)
    (proof,) = proofs.add(population, [picture()], by=who["owen"])
    assert (proof.file.name, proof.file.kind, proof.file.request) == ("query.png", "png", asked)
    assert not proof.file.obtained_by_auditor
    assert proofs.add(population, [proof.file], by=who["owen"]) == [], "once is enough"
    event = Event.objects.get(action="population.proof_added")
    assert (event.actor_id, event.detail["proof"]) == (who["owen"].pk, proof.file.code)
    proofs.remove(population, proof.file, by=who["owen"])
    assert not population.proofs.exists()
    assert EvidenceFile.objects.filter(pk=proof.file.pk).exists(), "it stays evidence"


def test_what_the_auditor_saw_is_the_firms(engagement: Engagement) -> None:
    who = f.people(engagement)
    population = makers.population(engagement)
    (proof,) = proofs.add(population, [picture()], by=who["sana"])
    assert proof.file.obtained_by_auditor
    assert Event.objects.get(action="population.proof_obtained").audience == Event.Audience.FIRM
    with pytest.raises(ValidationError, match="its own"):
        proofs.remove(population, proof.file, by=who["owen"])
    url = population.get_absolute_url()
    assert "query.png" in signed_in(engagement, "sana").get(url).content.decode()
    assert "query.png" not in signed_in(engagement, "carla").get(url).content.decode()


def test_it_is_frozen_with_the_population(engagement: Engagement) -> None:
    who = f.people(engagement)
    population = makers.population(engagement)
    (proof,) = proofs.add(population, [picture()], by=who["owen"])
    populations.accept(population, conclusion="Complete.", precision_adequate=True, by=who["sana"])
    with pytest.raises(WrongStage):
        proofs.add(population, [picture("another.png")], by=who["owen"])
    with pytest.raises(WrongStage):
        proofs.remove(population, proof.file, by=who["owen"])
    other = makers.upload(engagement)
    for act in (
        lambda: PopulationProof.objects.filter(pk=proof.pk).delete(),
        lambda: PopulationProof.objects.filter(pk=proof.pk).update(file=other),
        lambda: PopulationProof.objects.create(
            engagement=engagement, population=population, file=other, by=who["owen"]
        ),
    ):
        with pytest.raises(DatabaseError, match="new version"), transaction.atomic():
            act()


def test_refusals(engagement: Engagement) -> None:
    who = f.people(engagement)
    population = makers.population(engagement)
    with pytest.raises(PermissionDenied):
        proofs.add(population, [picture()], by=who["quinn"])
    elsewhere = makers.upload(f.at_stage(f.accepted(number="2026-0009"), Stage.FIELDWORK))
    with pytest.raises(ValidationError, match="another engagement"):
        proofs.add(population, [elsewhere], by=who["owen"])
    with pytest.raises(ValidationError, match=r"bad\.png: .*not that of a \.png"):
        proofs.add(population, [picture(), SimpleUploadedFile("bad.png", b"no picture")], by=who["owen"])
    assert not population.proofs.exists(), "all of them or none"
    many = [makers.upload(engagement, name=f"{number}.txt") for number in range(proofs.MOST + 1)]
    with pytest.raises(ValidationError, match="At most 20"):
        proofs.add(population, many, by=who["owen"])


def test_given_with_the_record_in_one_step(engagement: Engagement) -> None:
    control = makers.control(engagement)
    file = makers.upload(makers.request(engagement), makers.LEAVERS, name="leavers.csv")
    url = reverse("evidence:provide_population", args=[engagement.pk, file.code])
    client = signed_in(engagement, "owen")
    sent = {
        **makers.ipe(run_at="2026-10-02T09:30"),
        "name": "Leavers",
        "controls": control.pk,
        "key_column": "ticket",
        "date_column": "left on",
    }
    answer = client.post(url, {**sent, "proof": [picture(), SimpleUploadedFile("count.png", b"no picture")]})
    assert answer.status_code == 422
    assert "count.png: The content is not that of a .png file" in answer.content.decode()
    assert not Population.objects.exists(), "nothing half done"
    answer = client.post(url, {**sent, "proof": [picture(), picture("count.png")]})
    population = Population.objects.get()
    assert answer.headers["Location"] == population.get_absolute_url()
    assert [proof.file.name for proof in population.proofs.all()] == ["query.png", "count.png"]


def test_added_and_taken_back_in_the_page(engagement: Engagement) -> None:
    population = makers.population(engagement)
    page = population.get_absolute_url()
    client = signed_in(engagement, "owen")
    assert "No file shows how it was obtained" in client.get(page).content.decode()
    url = reverse("evidence:prove_population", args=[engagement.pk, population.pk])
    refused = client.post(url, {"file": SimpleUploadedFile("a.exe", b"MZ")})
    assert (refused.status_code, "Files ending in .exe" in refused.content.decode()) == (422, True)
    assert "Choose a file" in client.post(url, {}).content.decode()
    assert client.post(url, {"file": [picture()]}).status_code == 302
    here = makers.upload(makers.request(engagement), name="steps.txt")
    assert client.post(url, {"received": here.pk}).status_code == 302
    shown = client.get(page).content.decode()
    assert "query.png" in shown
    assert "steps.txt" in shown
    assert client.post(url, {"end": here.code}).status_code == 302
    assert [proof.file.name for proof in population.proofs.all()] == ["query.png"]
