"""manage.py deactivate_person ADDRESS [--undo]: shut a person out at once, whoever they work for."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.people import deactivate, reactivate


class Command(BaseCommand):
    help = "Ends a person's sessions and tokens and lets them in no more; --undo lets them sign in again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", help="the e-mail address of the person")
        parser.add_argument("--undo", action="store_true", help="let the person sign in again")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["address"]).first()
        if user is None:
            raise CommandError("Nobody has this address.")
        (reactivate if options["undo"] else deactivate)(user, by=None)
        self.stdout.write(f"{user.name} can {'sign in again' if options['undo'] else 'sign in no more'}.")
