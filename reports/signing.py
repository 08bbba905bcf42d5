"""Signing and issuing ask for the password or a code again: whoever sits at an open session is not yet the
signatory. One helper serves all acts that are bound to a secret (`accounts.proving`)."""

from accounts.proving import prove as reauthenticate

__all__ = ["reauthenticate"]
