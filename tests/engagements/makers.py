"""Engagements with something in scope, built by the flows."""

from __future__ import annotations

import datetime as dt
from typing import Any

from accounts.models import User
from controls.models import Frequency, Nature
from engagements import registers, scope
from engagements.models import Control, Engagement, SubserviceOrganization
from tests import factories as f
from tests.remembered import remembered


@remembered
def control(engagement: Engagement, number: str = "NB-01", **fields: Any) -> Control:
    """A control of the client's own, mapped to CC6.1 unless said otherwise."""
    return scope.add_control(
        engagement,
        number=number,
        title=fields.pop("title", "Access is granted on approved request"),
        wording=fields.pop(
            "wording", "Access to production is granted on a request that the system owner approved."
        ),
        nature=fields.pop("nature", Nature.MANUAL),
        frequency=fields.pop("frequency", Frequency.EVENT),
        criteria=fields.pop("criteria", ["CC6.1"]),
        by=fields.pop("by", engagement.created_by),
        **fields,
    )


@remembered
def scoped(count: int = 12, **fields: Any) -> Engagement:
    """Accepted, with controls, a carved-out subservice organization and entries in all registers."""
    engagement = f.accepted(**fields)
    people = f.people(engagement)
    petra, carla = people["petra"], people["carla"]
    controls = [control(engagement, f"NB-{number:02d}", owner=people["owen"]) for number in range(1, count + 1)]
    subservice = registers.add_subservice(
        engagement,
        name="Cumulus Hosting",
        services="Hosting of the platform in two regions",
        method="carve_out",
        monitoring=[controls[0].number],
        by=petra,
    )
    complementary(engagement, subservice, by=carla)
    registers.add_commitment(
        engagement,
        kind="commitment",
        category="availability",
        text="The service is up 99.9% of each month.",
        source="Master services agreement, 4.2",
        by=carla,
    )
    registers.add_incident(
        engagement,
        occurred_on=dt.date(2026, 3, 2),
        title="Slow imports",
        nature="Imports were delayed by two hours for eleven customers; a queue was widened.",
        disclosed=False,
        reason="No commitment was missed.",
        by=carla,
    )
    if engagement.is_type_2:
        registers.add_change(
            engagement,
            effective_on=dt.date(2026, 1, 15),
            title="New identity provider",
            description="Sign-in moved to single sign-on.",
            by=carla,
        )
    return engagement


def complementary(engagement: Engagement, subservice: SubserviceOrganization, *, by: User) -> None:
    """What is left to the subservice organization and to users; one component."""
    registers.add_csoc(engagement, subservice, text="Data centres are guarded.", criteria=["CC6.4"], by=by)
    registers.add_cuec(engagement, text="Users name their administrators.", criteria=["CC6.2"], by=by)
    registers.add_component(engagement, kind="software", name="Ledger service", by=by)
