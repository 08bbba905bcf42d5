"""The interface for programs: the same engagements, rights and rules as the pages, as JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from engagements.models import Engagement
from engagements.register import Blocked, findings
from engagements.roles import engagement_for


def explain(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer a refusal of a flow with 422 and its words, and with the findings of rules where rules refused."""
    if isinstance(error, ValidationError):
        body: dict[str, Any] = {"errors": error.messages}
        if isinstance(error, Blocked):
            body["findings"] = [dataclasses.asdict(finding) for finding in error.findings]
        return Response(body, status=422)
    return exception_handler(error, context)


class EngagementSerializer(serializers.ModelSerializer[Engagement]):
    client = serializers.CharField(source="client.name")
    firm = serializers.CharField(source="firm.legal_name")

    class Meta:
        model = Engagement
        fields = (
            "id",
            "number",
            "client",
            "firm",
            "system_name",
            "type",
            "as_of",
            "period_start",
            "period_end",
            "categories",
            "stage",
            "report_due",
        )


@api_view(["GET"])
def engagements(request: Request) -> Response:
    """The engagements in which the person has a role."""
    visible = Engagement.objects.visible_to(request.user).select_related("client", "firm")
    return Response(EngagementSerializer(visible, many=True).data)


@api_view(["GET"])
def engagement(request: Request, pk: int) -> Response:
    """One engagement with what the person may do in it."""
    found = engagement_for(request, pk, "see_engagement")
    return Response(EngagementSerializer(found).data | {"role": found.member.role, "may": sorted(found.may)})


@api_view(["GET"])
def standing(request: Request, pk: int, step: str) -> Response:
    """What stands in the way of a step ("accept", "fieldwork", "issue"...), blocking findings first."""
    found = engagement_for(request, pk, "see_fieldwork")
    if step not in STEPS:
        raise Http404("No such step")
    return Response([dataclasses.asdict(finding) for finding in findings(step, found)])


# The steps that are about an engagement as such; other steps have other subjects.
STEPS = frozenset({"accept", "readiness", "observation", "fieldwork", "reporting", "issue", "lock"})
