"""The firm's signing certificate: what is taken, how it is kept, and that nobody gets it out."""

from __future__ import annotations

import io
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import certificates, single_sign_on
from accounts.models import IdentityProvider, SigningCertificate
from accounts.sealed import Unreadable, seal, unseal
from audit.models import Event
from tests import factories as f
from tests.certificates import DAY, PASSWORD, a_file

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("file", "password", "words"),
    [
        (a_file, "another", "does not open"),
        (lambda: b"no container at all", PASSWORD, "does not open"),
        (lambda: a_file(with_key=False), PASSWORD, "no private key"),
        (lambda: a_file(days=-3), PASSWORD, "expired"),
        (lambda: a_file(begins=5), PASSWORD, "not valid before"),
        (lambda: a_file(key=ed25519.Ed25519PrivateKey.generate()), PASSWORD, "neither RSA"),
        (lambda: a_file(usage="key_cert_sign"), PASSWORD, "key usage"),
        (lambda: b"x" * (certificates.LARGEST + 1), PASSWORD, "few kilobytes"),
    ],
    ids="password broken keyless expired early ed25519 usage large".split(),
)
def test_what_cannot_sign_is_refused_in_words(file: Any, password: str, words: str) -> None:
    petra = f.partner_of(f.firm(), "petra", "Petra Alder")
    with pytest.raises(ValidationError, match=words):
        certificates.keep(f.firm(), pkcs12=file(), password=password, by=petra)
    assert not SigningCertificate.objects.exists()


def test_it_is_kept_sealed_replaced_and_removed_by_administrators(client: Client) -> None:
    engagement = f.staffed()
    firm, url = engagement.firm, reverse("accounts:certificate")
    file = a_file(usage="digital_signature")

    def send(**data: Any) -> Any:
        upload = io.BytesIO(file)
        upload.name = "firm.p12"
        return client.post(url, {"file": upload, "password": PASSWORD, **data})

    client.force_login(f.person("sana"))
    assert send().status_code == client.get(url).status_code == 403
    with pytest.raises(PermissionDenied):
        certificates.keep(firm, pkcs12=file, password=PASSWORD, by=f.person("sana"))
    client.force_login(engagement.created_by)
    assert "does not open" in send(password="another").content.decode()
    assert send().status_code == 302
    kept = SigningCertificate.objects.get()
    assert (kept.subject, kept.serial) == ("CN=Alder & Finch LLP", "ABC")
    opened = certificates.opened(file, PASSWORD)
    assert unseal(kept.sealed_key, purpose=certificates.PURPOSE) == opened.key.private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )
    assert "PRIVATE" not in kept.certificates
    for page in (url, reverse("accounts:firm")):
        shown = client.get(page).content.decode()
        assert "CN=Alder &amp; Finch LLP" in shown
        assert kept.sealed_key[:40] not in shown
    signer = certificates.signer_of(firm)
    assert signer.key.public_key() == signer.certificate.public_key()
    send()
    assert SigningCertificate.objects.get().pk != kept.pk
    client.post(url, {"act": "remove"})
    with pytest.raises(certificates.NoSigner):
        certificates.signer_of(firm)
    assert [one.action for one in Event.objects.filter(action__startswith="certificate.").order_by("pk")] == [
        "certificate.kept",
        "certificate.kept",
        "certificate.removed",
    ]


def test_an_old_proof_opens_neither_the_page_nor_takes_what_was_sent(client: Client, settings: Any) -> None:
    engagement = f.staffed()
    client.force_login(engagement.created_by)
    session = client.session
    session["signed_in_at"] -= settings.ACCOUNT_REAUTHENTICATION_TIMEOUT + 1
    session.save()
    answer = client.post(reverse("accounts:certificate"), {"password": "the secret one"})
    assert answer["Location"].startswith(reverse("account_reauthenticate"))
    assert "the secret one" not in str(dict(client.session))


def test_who_administers_is_warned_before_it_expires(client: Client) -> None:
    engagement = f.staffed()
    certificates.keep(engagement.firm, pkcs12=a_file(days=30), password=PASSWORD, by=engagement.created_by)
    client.force_login(engagement.created_by)
    assert "expires in <b>29 days</b>" in client.get(reverse("home")).content.decode()
    client.force_login(f.person("sana"))
    assert "expires in" not in client.get(reverse("home")).content.decode()
    kept = SigningCertificate.objects.get()
    late = kept.valid_to + DAY
    assert (kept.days_left(at=late), kept.ends_soon(at=kept.valid_to - 61 * DAY)) == (-1, False)
    SigningCertificate.objects.update(valid_to=timezone.now() - DAY)
    client.force_login(engagement.created_by)
    assert "has expired" in client.get(reverse("home")).content.decode()


def test_what_is_sealed_for_one_purpose_opens_for_no_other() -> None:
    sealed = seal(b"secret", purpose="one")
    assert unseal(sealed, purpose="one") == b"secret"
    for wrong, purpose in ((sealed, "other"), (sealed[:-4] + "AAA=", "one"), ("", "one")):
        with pytest.raises(Unreadable):
            unseal(wrong, purpose=purpose)


def test_a_changed_key_of_the_installation_still_opens_and_reseals(settings: Any) -> None:
    engagement = f.staffed()
    firm, petra = engagement.firm, engagement.created_by
    certificates.keep(firm, pkcs12=a_file(), password=PASSWORD, by=petra)
    settings.SINGLE_SIGN_ON_PRIVATE = True
    oidc = {"kind": "openid_connect", "server_url": "https://x.example", "client_id": "a", "secret": "s"}
    provider = single_sign_on.set_up(firm, demanded=False, by=petra, **oidc)
    former = settings.SECRET_KEY
    settings.SECRET_KEY = "another key of the installation, long enough for it"
    with pytest.raises(Unreadable):
        certificates.signer_of(firm)
    with pytest.raises(CommandError, match="signing certificate"):
        call_command("reseal")
    settings.SECRET_KEY_FALLBACKS = [former]
    assert certificates.signer_of(firm)
    call_command("reseal", stdout=io.StringIO())
    settings.SECRET_KEY_FALLBACKS = []
    assert certificates.signer_of(firm)
    sealed = IdentityProvider.objects.get(pk=provider.pk).sealed_secret
    assert unseal(sealed, purpose=single_sign_on.PURPOSE) == b"s"
