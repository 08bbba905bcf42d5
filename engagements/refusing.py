"""Writes down what was refused in a request, when the request is over (`audit.refusals`)."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.db import connection, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import User
from accounts.people import firm_of
from audit.context import current_ip
from audit.middleware import SAFE
from audit.refusals import ACT, LIMIT, Refusal, counted, note, noting
from audit.trail import record
from engagements.models import Engagement, EngagementMember

# What strangers send to any address is no business of the trail; the log has it.
OF_STRANGERS_IN_LOG = (ACT, LIMIT)


class Refusals:
    """Stands around the views and what guards them, inside `audit.middleware.RequestContext`.

    A request that would have changed something and is answered with 403 is such an attempt, whoever refused it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with noting() as found:
            response = self.get_response(request)
            if not found and response.status_code == HTTPStatus.FORBIDDEN and request.method not in SAFE:
                # By the name of the route: addresses may hold the secret of a link.
                name = request.resolver_match.view_name if request.resolver_match else "?"
                note(ACT, by=_person(request), asked=f"{request.method} {name}")
        # What an error of the database has broken takes nothing more; the log has it.
        if found and not connection.needs_rollback:
            _write(request, found)
        return response


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _write(request: HttpRequest, found: list[Refusal]) -> None:
    person = _person(request)
    for one in found:
        by = one.by or person
        number = counted(one.what, str(by.pk) if by else f"ip:{current_ip()}")
        engagement = _engagement(request, by) if number else None
        if not number or (by is None and one.what in OF_STRANGERS_IN_LOG):
            continue
        firm = one.firm or (firm_of(by) if by and engagement is None else None)
        with transaction.atomic():
            told = {**one.detail, **({"count": number} if number > 1 else {})}
            record(one.what, by=by, engagement=engagement, firm=firm, target=one.target, **told)


def _engagement(request: HttpRequest, by: User | None) -> Engagement | None:
    """The engagement of the address, where the person belongs to it."""
    match = request.resolver_match
    if by is None or match is None or not match.route.removeprefix("api/").startswith("engagements/<int:pk>/"):
        return None
    member = EngagementMember.objects.select_related("engagement")
    found = member.filter(engagement_id=match.kwargs["pk"], user=by).first()
    return found.engagement if found else None
