"""manage.py make_operator ADDRESS [--name NAME] [--undo]: who runs this installation."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from accounts.people import end_operator, make_operator


class Command(BaseCommand):
    help = "Makes a person an operator, with an account where there is none; --undo makes it an ordinary person."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", help="the e-mail address of the person")
        parser.add_argument("--name", default="", help="the person's name, for a new account")
        parser.add_argument("--undo", action="store_true", help="the person is an operator no longer")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["undo"]:
                user = end_operator(options["address"])
                self.stdout.write(f"{user.name} is an operator no longer; open sessions have ended.")
                return
            user, new = make_operator(options["address"], name=options["name"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{user.name} is an operator.")
        if new:
            place = settings.SITE_URL + reverse("account_reset_password")
            self.stdout.write(f"The account is new: ask for a password at {place}")
        self.stdout.write("The operators' area asks for a second factor, and is there only with OPERATORS=1.")
