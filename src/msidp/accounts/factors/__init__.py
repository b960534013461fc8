"""Members' factors: authenticator app with recovery codes, passkeys, the step between password and session.

What they are is in `msidp.factors`; here they are bound to members' tables, and the pages around them.
Below: the sessions and pages of `accounts`, which come here through `signin` alone.
"""

from msidp.accounts.factors.models import AuthenticatorApp, Passkey, PendingLogin, RecoveryCode
from msidp.factors.passkeys import Passkeys
from msidp.factors.recovery import RecoveryCodes
from msidp.factors.second_step import SecondStep
from msidp.factors.totp import AuthenticatorApps
from msidp.members.models import Member

totp = AuthenticatorApps(AuthenticatorApp, AuthenticatorApp.member_id)
recovery = RecoveryCodes(RecoveryCode, RecoveryCode.member_id)
passkeys = Passkeys(Passkey, Passkey.member_id)
second_step = SecondStep(PendingLogin, PendingLogin.member_id, Member.id, Member.password_hash)
