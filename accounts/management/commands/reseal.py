"""After a change of SECRET_KEY: puts every sealed secret under the present key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import certificates, single_sign_on
from accounts.models import IdentityProvider, SigningCertificate
from accounts.sealed import Unreadable


class Command(BaseCommand):
    help = "Put sealed secrets under the present SECRET_KEY; the former one must be in SECRET_KEY_FALLBACKS."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        lost = []
        for certificate in SigningCertificate.objects.select_for_update():
            try:
                certificates.reseal(certificate)
            except Unreadable:
                lost.append(f"the signing certificate {certificate}")
        for provider in IdentityProvider.objects.select_for_update().exclude(sealed_secret=""):
            try:
                single_sign_on.reseal(provider)
            except Unreadable:
                lost.append(f"the secret of the {provider}")
        if lost:
            raise CommandError(
                f"No key opens {', '.join(lost)}: enter it anew, or add the key. Nothing was changed."
            )
        self.stdout.write("Everything is under the present key.")
