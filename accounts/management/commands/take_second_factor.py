"""manage.py take_second_factor ADDRESS: for a person who has lost app, passkey and recovery codes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.factors import take_away
from accounts.models import User


class Command(BaseCommand):
    help = "Takes a person's app, passkeys and recovery codes away; sessions end. Make sure first who asks."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", help="the e-mail address of the person")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["address"]).first()
        if user is None:
            raise CommandError("Nobody has this address.")
        take_away(user)
        self.stdout.write(f"{user.name} signs in by password and sets up another factor; open sessions have ended.")
