"""With what the firm signs the report of an engagement."""

from __future__ import annotations

from accounts.models import Licence, Office
from engagements.models import Engagement
from engagements.register import shared


@shared
def signer(engagement: Engagement) -> tuple[Office | None, Licence | None]:
    """The office whose city stands under the report, and the licence that is named there."""
    office = engagement.signing_office
    return office, engagement.firm.licence_in(office.state if office else "")
