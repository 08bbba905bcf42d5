"""manage.py make_firm NAME ADDRESS [--name NAME]: the first step in a new installation."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from accounts.clients import make_firm


class Command(BaseCommand):
    help = "Enters a CPA firm with its first administrator, with an account where there is none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("firm", help="the firm's legal name, as its reports show it")
        parser.add_argument("address", help="the e-mail address of its first administrator")
        parser.add_argument("--name", default="", help="the person's name, for a new account")
        parser.add_argument("--title", default="", help="what the person is at the firm, say Partner")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            firm, user, new = make_firm(
                options["firm"], address=options["address"], name=options["name"], title=options["title"]
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{user.name} administers {firm} and invites its people.")
        if new:
            place = settings.SITE_URL + reverse("account_reset_password")
            self.stdout.write(f"The account is new: ask for a password at {place}")
