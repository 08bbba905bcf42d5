"""Numbers in addresses that are digits to Unicode and no number to us lead to an answer, not to an error."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests import factories as f

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("number", ["²", "9" * 40, "-1", "٣"])
def test_what_is_no_number_finds_nothing(client: Client, number: str) -> None:
    engagement = f.staffed()
    client.force_login(engagement.created_by)
    assert client.get(reverse("engagements:firm_trail"), {"firm": number}).status_code in {200, 404}
    assert client.get(reverse("palette"), {"q": "a", "engagement": number}).status_code in {200, 404}
    owners = client.post(reverse("engagements:controls_owner", args=[engagement.pk]), {"ids": [number]})
    assert owners.status_code in {200, 302, 422}
