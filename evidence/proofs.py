"""What shows how a listing was obtained: pictures or logs of the query, its parameters, its count (domain 3.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from audit.trail import action, record
from engagements.roles import require
from evidence import uploads
from evidence.models import EvidenceFile, Population, PopulationProof
from evidence.populations import held, must_be_provided

ADDED = action("population.proof_added", "added {proof} to {target}: it shows how the listing was obtained")
REMOVED = action("population.proof_removed", "took {proof} from {target} again")
# What the auditor saw for himself is the firm's.
OBTAINED = action(
    "population.proof_obtained", "added {proof} to {target}: it shows how the listing was obtained", firm_only=True
)
OBTAINED_REMOVED = action("population.proof_obtained_removed", "took {proof} from {target} again", firm_only=True)

MOST = 20


@transaction.atomic
def add(population: Population, files: Iterable[EvidenceFile | IO[bytes]], *, by: User) -> list[PopulationProof]:
    """Attach files that show how the listing was obtained, all of them or none, until it is decided on.

    A file is one received already or a binary file with a `name`, which is received first. What is attached
    already stays once. Raises PermissionDenied, WrongStage, ValidationError (`file`).
    """
    population = held(population)
    require(population.engagement, by, "provide_populations")
    must_be_provided(population, "given more proof")
    made = []
    for given in files:
        file = given if isinstance(given, EvidenceFile) else _received(population, given, by)
        if file.engagement_id != population.engagement_id:
            raise ValidationError({"file": "This file belongs to another engagement."})
        proof, new = PopulationProof.objects.get_or_create(
            engagement=population.engagement, population=population, file=file, defaults={"by": by}
        )
        if new:
            made.append(proof)
            what = OBTAINED if file.obtained_by_auditor else ADDED
            record(what, by=by, engagement=population.engagement, target=population, proof=file.code)
    if population.proofs.count() > MOST:
        raise ValidationError(
            {"file": f"At most {MOST} files show how a listing was obtained. Leave out the rest."}
        )
    return made


def _received(population: Population, file: IO[bytes], by: User) -> EvidenceFile:
    asked = population.file.request
    if asked is not None:
        asked.engagement = population.engagement
    name = str(getattr(file, "name", ""))
    try:
        return uploads.receive(
            asked if asked is not None and uploads.takes_files(asked) else population.engagement,
            file=file,
            name=name,
            by=by,
            obtained_by_auditor=uploads.of_firm(population.engagement, by),
        )
    except ValidationError as error:
        raise ValidationError({"file": [f"{name}: {words}" for words in error.messages]}) from error


@transaction.atomic
def remove(population: Population, file: EvidenceFile, *, by: User) -> None:
    """Take a file back from the record, until it is decided on; the file itself stays evidence.

    Each side its own. Raises PermissionDenied, WrongStage, ValidationError when it is not attached.
    """
    population = held(population)
    require(population.engagement, by, "provide_populations")
    must_be_provided(population, "given less proof")
    if uploads.of_firm(population.engagement, by) != file.obtained_by_auditor:
        raise ValidationError("Each side takes back only its own files.")
    gone, _ = PopulationProof.objects.filter(population=population, file=file).delete()
    if not gone:
        raise ValidationError(f"{file} is not attached here (any more).")
    what = OBTAINED_REMOVED if file.obtained_by_auditor else REMOVED
    record(what, by=by, engagement=population.engagement, target=population, proof=file.code)
