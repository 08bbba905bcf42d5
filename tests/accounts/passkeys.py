"""A passkey without a browser: what an authenticator answers to the options that a page holds."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from fido2.cose import ES256
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from accounts.models import User

HOST, ORIGIN = "localhost", "http://localhost"
Flag = AuthenticatorData.FLAG


class Passkey:
    """One credential; the challenge is taken from the session into which the page has put it."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)

    def registers(self, client: Client) -> str:
        """Answer to `navigator.credentials.create`, as the form's field."""
        public = ES256.from_cryptography_key(self.key.public_key())
        credential = AttestedCredentialData.create(Aaguid(bytes(16)), self.id, public)
        data = AuthenticatorData.create(self._site(), Flag.UP | Flag.UV | Flag.AT, 0, credential)
        attestation = AttestationObject.create("none", data, {})
        told = {
            "clientDataJSON": self._client_data(client, "webauthn.create"),
            "attestationObject": coded(attestation),
        }
        return self._credential(told, {"credProps": {"rk": True}})

    def signs(self, client: Client) -> str:
        """Answer to `navigator.credentials.get`."""
        data = AuthenticatorData.create(self._site(), Flag.UP | Flag.UV, 1)
        told = self._client_data(client, "webauthn.get")
        signed = bytes(data) + hashlib.sha256(base64.urlsafe_b64decode(told + "==")).digest()
        response = {
            "clientDataJSON": told,
            "authenticatorData": coded(data),
            "signature": coded(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": coded(str(self.user.pk).encode()),
        }
        return self._credential(response, {})

    def _credential(self, response: dict[str, str], extensions: dict[str, Any]) -> str:
        common = {"id": coded(self.id), "rawId": coded(self.id), "type": "public-key"}
        return json.dumps({**common, "response": response, "clientExtensionResults": extensions})

    def _site(self) -> bytes:
        return hashlib.sha256(HOST.encode()).digest()

    def _client_data(self, client: Client, kind: str) -> str:
        challenge = client.session["mfa.webauthn.state"]["challenge"]
        return coded(CollectedClientData.create(kind, base64.urlsafe_b64decode(challenge + "=="), ORIGIN))


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
