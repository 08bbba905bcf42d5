from __future__ import annotations

import dataclasses

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts.clients import add_client
from accounts.listing import narrow
from accounts.models import Firm, FirmMember, User
from accounts.switching import Place, chosen
from engagements.forms import OpenForm
from engagements.models import ENDED, Engagement, EngagementMember, Role, Stage
from engagements.views.acting import filed, person, shown
from engagements.workflow import open_engagement


@dataclasses.dataclass(frozen=True)
class Row:
    """An engagement as a list shows it."""

    engagement: Engagement
    role: str
    partner: str

    @property
    def place(self) -> int:
        """Where the stage stands in the order of stages, for sorting."""
        return list(Stage).index(Stage(self.engagement.stage))

    @property
    def ongoing(self) -> bool:
        return self.engagement.stage not in {Stage.ISSUED, Stage.LOCKED, *ENDED}


def listed(user: User, place: Place | None) -> list[Row]:
    """The person's engagements (of one organization, or all) with its role and the partner's name; two queries."""
    engagements = list(Engagement.objects.visible_to(user).at_place(place).select_related("client", "firm"))
    members = EngagementMember.objects.filter(engagement__in=engagements).select_related("user")
    mine, partners = {}, {}
    for member in members:
        if member.user_id == user.pk:
            mine[member.engagement_id] = str(Role(member.role).label)
        if member.role == Role.PARTNER:
            partners[member.engagement_id] = member.user.name
    return [Row(one, mine.get(one.pk, ""), partners.get(one.pk, "")) for one in engagements]


@require_GET
@login_required
def engagements(request: HttpRequest) -> HttpResponse:
    """All engagements in which the person has a role."""
    user = person(request)
    rows = narrow(
        request.GET,
        listed(user, chosen(request)),
        text=lambda row: f"{row.engagement.number} {row.engagement.client.name} {row.engagement.system_name}",
        stage=lambda row: row.engagement.stage,
        type=lambda row: row.engagement.type,
    )
    context = {
        "rows": rows,
        "stages": Stage.choices,
        "may_open": FirmMember.objects.filter(user=user, may_accept=True).exists(),
    }
    return render(request, "engagements/list.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def open_new(request: HttpRequest) -> HttpResponse:
    """Open an engagement for a client, known or new."""
    user = person(request)
    members = FirmMember.objects.filter(user=user, may_accept=True).select_related("firm").order_by("pk")
    place = chosen(request)
    narrowed = members.filter(firm_id=place.key).first() if place is not None and place.of_firm else None
    member = narrowed or members.first()
    if member is None:
        raise PermissionDenied("Your firm has not given you the right to open engagements.")
    form = OpenForm(request.POST or None, firm=member.firm, initial={"number": _next_number(member.firm)})
    opened: list[Engagement] = []

    @transaction.atomic
    def act(data: dict[str, object]) -> None:
        client = data.pop("client")
        name = str(data.pop("new_client"))
        opened.append(
            open_engagement(client=client or add_client(member.firm, name=name, by=user), by=user, **data)  # type: ignore[arg-type]
        )

    if filed(
        request, form, lambda data: act(dict(data)), "The engagement is open. Decide about its acceptance next."
    ):
        return redirect("engagements:acceptance", opened[0].pk)
    return shown(request, "engagements/open.html", {"firm": member.firm}, form)


def _next_number(firm: Firm) -> str:
    year = timezone.localdate().year
    count = Engagement.objects.filter(firm=firm, number__startswith=f"{year}-").count()
    return f"{year}-{count + 1:03d}"
