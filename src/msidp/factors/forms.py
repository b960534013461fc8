"""The forms of second factors as they were sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from flask import request
from sqlalchemy.orm import Session

from msidp.factors.recovery import RecoveryCodes
from msidp.factors.totp import AuthenticatorApps
from msidp.vault.fields import cipher
from msidp.words import words

_MAX_LENGTH = 100


@dataclass(frozen=True, slots=True)
class CodeForm:
    """A code of the authenticator app in `code`, or in its place a `recovery_code`."""

    code: str = field(repr=False)
    recovery_code: str = field(repr=False)
    by_recovery: bool

    @classmethod
    def sent(cls) -> Self:
        """The form of the present request."""
        code, recovery_code = (request.form.get(name, "") for name in ("code", "recovery_code"))
        return cls(code[:_MAX_LENGTH], recovery_code[:_MAX_LENGTH], "recovery_code" in request.form)

    def errors(self) -> dict[str, str]:
        """Messages by field; empty where the form can be tried."""
        if self.by_recovery:
            return {} if self.recovery_code.strip() else {"recovery_code": words("Enter a recovery code.")}
        return {} if self.code.strip() else {"code": words("Enter the code that your app shows.")}

    def echo(self) -> Mapping[str, object]:
        """Which of the two the page asks for again."""
        return {"by_recovery": self.by_recovery}

    def use(self, session: Session, apps: AuthenticatorApps, codes: RecoveryCodes, owner_id: str) -> bool:
        """Spend what was sent; true where it was right."""
        if self.by_recovery:
            return codes.use(session, owner_id, self.recovery_code)
        return apps.use(session, cipher(), owner_id, self.code)
