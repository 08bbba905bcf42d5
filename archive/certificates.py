"""The certificate of a destroyed file: what it says, and whether it still fits the trail."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from django.db import transaction

from accounts.models import User
from archive import verify_pack
from archive.models import PurgeCertificate
from archive.purging import PURGED
from audit.models import Event
from audit.trail import action, chain_of, record

TAKEN = action("file.certificate_downloaded", "took the {target} along", firm_only=True)


@dataclasses.dataclass(frozen=True)
class Checked:
    """`text`: it has its hash; `root`: the root follows from the leaves it lists, and is the one the trail recorded
    at the lock; `trail`: the trail's event of the destruction names its hash."""

    text: bool
    root: bool
    trail: bool

    @property
    def holds(self) -> bool:
        return self.text and self.root and self.trail


def facts_of(certificate: PurgeCertificate) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(certificate.text)
    return facts


def check(certificate: PurgeCertificate) -> Checked:
    facts = facts_of(certificate)
    hashes = [bytes.fromhex(one) for one in facts["destroyed"]["leaves"]]
    root = verify_pack.tree_root(hashes)
    events = Event.objects.filter(chain=chain_of(certificate.engagement))
    told = events.filter(action=PURGED.code, detail__certificate_sha256=certificate.sha256)
    locked = events.filter(action="file.locked", detail__root=root)
    return Checked(
        text=hashlib.sha256(certificate.text.encode()).hexdigest() == certificate.sha256,
        root=root == facts["lock"]["root"] and locked.exists(),
        trail=told.exists(),
    )


@transaction.atomic
def hand_out(certificate: PurgeCertificate, *, by: User) -> None:
    record(TAKEN, by=by, engagement=certificate.engagement, target=certificate, sha256=certificate.sha256)
