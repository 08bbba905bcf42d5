"""For which of a person's organizations the pages are shown: a narrowing of what is listed, never a right."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.http import HttpRequest

CHOSEN = "place"


@dataclasses.dataclass(frozen=True)
class Place:
    """A firm or a client to which a person belongs. `side` is "firm" or "client"."""

    side: str
    key: int
    name: str

    @property
    def value(self) -> str:
        return f"{self.side}:{self.key}"

    @property
    def of_firm(self) -> bool:
        return self.side == "firm"

    def covers(self, *, firm_id: int, client_id: int) -> bool:
        """Whether an engagement of this firm with this client belongs to it."""
        return self.key == (firm_id if self.of_firm else client_id)


def places(request: HttpRequest) -> tuple[Place, ...]:
    """The organizations of the signed-in person (`accounts.middleware.SignInPolicies` has looked them up)."""
    found: tuple[Place, ...] = getattr(request, "places", ())
    return found


def chosen(request: HttpRequest) -> Place | None:
    """The one to which the pages are narrowed; None for all of them."""
    wanted = request.session.get(CHOSEN)
    return next((one for one in places(request) if one.value == wanted), None)


def choose(request: HttpRequest, value: str) -> Place | None:
    """Narrow this session to one of the person's own organizations; any other value means all of them."""
    place = next((one for one in places(request) if one.value == value), None)
    if place is None:
        request.session.pop(CHOSEN, None)
    else:
        request.session[CHOSEN] = place.value
    return place


def shown(request: HttpRequest) -> dict[str, Any]:
    """For every template: the organizations to choose from, where there are several, and the chosen one."""
    found = places(request)
    return {"places": found, "chosen_place": chosen(request)} if len(found) > 1 else {}
