"""People, firms and service organizations: who is this, and for whom?"""

from importlib import import_module

from django.apps import AppConfig, apps


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Listen to the libraries that sign people in; our own flows call one another."""
        factors = import_module("accounts.factors")
        import_module("accounts.tokens")
        django, account = import_module("django.contrib.auth.signals"), import_module("allauth.account.signals")
        mfa, rows = import_module("allauth.mfa.signals"), import_module("django.db.models.signals")
        authenticator = apps.get_model("mfa", "Authenticator")
        django.user_logged_in.connect(factors.note_sign_in, dispatch_uid="accounts.note_sign_in")
        django.user_logged_out.connect(factors.signed_out, dispatch_uid="accounts.signed_out")
        django.user_login_failed.connect(factors.sign_in_failed, dispatch_uid="accounts.sign_in_failed")
        account.user_logged_in.connect(factors.signed_in, dispatch_uid="accounts.signed_in")
        account.authentication_step_completed.connect(factors.step_completed, dispatch_uid="accounts.step")
        account.email_confirmed.connect(factors.address_proved, dispatch_uid="accounts.address_proved")
        account.email_confirmation_sent.connect(factors.address_asked, dispatch_uid="accounts.address_asked")
        account.email_changed.connect(factors.address_changed, dispatch_uid="accounts.address_changed")
        for name in ("password_changed", "password_reset", "password_set"):
            getattr(account, name).connect(factors.password_changed, dispatch_uid=f"accounts.{name}")
        mfa.authentication_failed.connect(factors.code_failed, dispatch_uid="accounts.code_failed")
        mfa.authenticator_added.connect(factors.factor_added, dispatch_uid="accounts.factor_added")
        rows.post_save.connect(factors.factor_saved, authenticator, dispatch_uid="accounts.factor_saved")
        rows.post_delete.connect(factors.factor_deleted, authenticator, dispatch_uid="accounts.factor_deleted")
