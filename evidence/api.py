"""Requests and files for programs: reading what waits, handing in evidence by the flow that the pages use."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import Http404
from rest_framework import serializers
from rest_framework.decorators import api_view, parser_classes
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from engagements.roles import engagement_for
from evidence import uploads
from evidence.models import EvidenceFile, EvidenceRequest

SEE = ("see_fieldwork", "upload_evidence")


def user_of(request: Request) -> User:
    assert isinstance(request.user, User)  # engagement_for refuses everybody else
    return request.user


class RequestSerializer(serializers.ModelSerializer[EvidenceRequest]):
    controls: serializers.SlugRelatedField[EvidenceRequest] = serializers.SlugRelatedField(
        slug_field="number", many=True, read_only=True
    )
    assigned_to = serializers.CharField(source="assigned_to.name", default=None)

    class Meta:
        model = EvidenceRequest
        fields = (
            "code",
            "title",
            "detail",
            "covers_from",
            "covers_to",
            "controls",
            "assigned_to",
            "due",
            "priority",
            "state",
            "return_reason",
        )


class FileSerializer(serializers.ModelSerializer[EvidenceFile]):
    class Meta:
        model = EvidenceFile
        fields = ("code", "name", "size", "sha256", "kind", "version", "speaks_from", "speaks_to", "uploaded_at")


class UploadSerializer(serializers.Serializer[EvidenceFile]):
    file = serializers.FileField(max_length=255, allow_empty_file=True)  # an empty one is refused in words
    speaks_from = serializers.DateField(required=False, allow_null=True)
    speaks_to = serializers.DateField(required=False, allow_null=True)


@api_view(["GET"])
def requests(request: Request, pk: int) -> Response:
    """The request list as the person sees it."""
    engagement = engagement_for(request, pk, *SEE)
    visible = EvidenceRequest.objects.visible_as(engagement, user_of(request))
    found = visible.select_related("assigned_to").prefetch_related("controls")
    return Response(RequestSerializer(found, many=True).data)


@api_view(["GET", "POST"])
@parser_classes([MultiPartParser])
def files(request: Request, pk: int, code: str) -> Response:
    """The files of a request; POST (multipart, `file`) receives one, as `evidence.uploads.receive` does."""
    needed = SEE if request.method == "GET" else ("upload_evidence",)
    engagement = engagement_for(request, pk, *needed)
    asked = EvidenceRequest.objects.visible_as(engagement, user_of(request)).filter(code=code).first()
    if asked is None:
        raise Http404("No such request")
    if request.method == "GET":
        visible = EvidenceFile.objects.visible_as(engagement, user_of(request)).filter(request=asked)
        return Response(FileSerializer(visible, many=True).data)
    form = UploadSerializer(data=request.data)
    if not form.is_valid():
        raise ValidationError([f"{field}: {words}" for field, errors in form.errors.items() for words in errors])
    sent = form.validated_data
    made = uploads.receive(
        asked,
        file=sent["file"],
        name=sent["file"].name,
        by=user_of(request),
        speaks_from=sent.get("speaks_from"),
        speaks_to=sent.get("speaks_to"),
        obtained_by_auditor=uploads.of_firm(engagement, user_of(request)),
    )
    return Response(FileSerializer(made).data, status=201)
