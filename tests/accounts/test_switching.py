"""People of several organizations see the work of one of them, or of all."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ClientMember
from engagements.models import Role
from engagements.roles import set_role
from tests import factories as f

pytestmark = pytest.mark.django_db


@pytest.fixture
def adviser() -> Any:
    """Control owner at two clients of two firms."""
    noor = f.person("noor", "Noor Haddad")
    other = f.firm("Ostrom CPA")
    there = f.proposed(
        a_client=f.client(other, "Harbor Mills, Inc."),
        partner=f.partner_of(other, "olga", "Olga"),
        number="2026-0801",
    )
    here = f.proposed(number="2026-0802")
    for engagement in (here, there):
        ClientMember.objects.create(organization=engagement.client, user=noor)
        set_role(engagement, noor, Role.CONTROL_OWNER, by=engagement.created_by)
    return noor, here, there


def numbers(client: Client, *pages: str) -> list[set[str]]:
    found = []
    for page in pages:
        text = client.get(page).content.decode()
        found.append({number for number in ("2026-0801", "2026-0802") if number in text})
    return found


def test_the_choice_narrows_the_lists_and_is_never_a_right(client: Client, adviser: Any) -> None:
    noor, here, there = adviser
    client.force_login(noor)
    pages = (reverse("engagements:list"), f"{reverse('palette')}?q=")
    both = {"2026-0801", "2026-0802"}
    assert numbers(client, *pages) == [both, both]
    assert "All organizations" in client.get(reverse("home")).content.decode()
    chosen = client.post(
        reverse("accounts:switch"), {"place": f"client:{there.client_id}", "next": "/engagements/"}
    )
    assert chosen["Location"] == "/engagements/"
    assert numbers(client, *pages) == [{"2026-0801"}, {"2026-0801"}]
    # The other engagement is as open as before: it is only not listed.
    assert client.get(here.get_absolute_url()).status_code == 200
    # An organization that is not theirs, or no longer, narrows to nothing in particular.
    client.post(
        reverse("accounts:switch"), {"place": f"firm:{there.firm_id}", "next": "https://elsewhere.example/"}
    )
    assert numbers(client, *pages) == [both, both]
    client.post(reverse("accounts:switch"), {"place": f"client:{there.client_id}"})
    ClientMember.objects.filter(user=noor, organization=there.client).delete()
    assert numbers(client, pages[0]) == [both]


def test_who_has_one_organization_is_not_asked(client: Client) -> None:
    engagement = f.staffed()
    client.force_login(engagement.created_by)
    assert "place-menu" not in client.get(reverse("home")).content.decode()
    elsewhere = client.post(reverse("accounts:switch"), {"next": "https://elsewhere.example/"})
    assert elsewhere["Location"] == reverse("home")
