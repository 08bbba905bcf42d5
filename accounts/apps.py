"""People, firms and service organizations: who is this, and for whom?"""

from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Listen to the libraries that sign people in; our own flows call one another."""
        factors = import_module("accounts.factors")
        django, account = import_module("django.contrib.auth.signals"), import_module("allauth.account.signals")
        mfa = import_module("allauth.mfa.signals")
        django.user_logged_in.connect(factors.signed_in, dispatch_uid="accounts.signed_in")
        mfa.authenticator_added.connect(factors.factor_added, dispatch_uid="accounts.factor_added")
        mfa.authenticator_removed.connect(factors.factor_removed, dispatch_uid="accounts.factor_removed")
        mfa.authenticator_reset.connect(factors.factor_renewed, dispatch_uid="accounts.factor_renewed")
        for name in ("password_changed", "password_reset", "password_set"):
            getattr(account, name).connect(factors.password_changed, dispatch_uid=f"accounts.{name}")
