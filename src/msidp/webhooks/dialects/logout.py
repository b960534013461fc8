"""Logout tokens, for applications and not for webhooks: OpenID Connect Back-Channel Logout 1.0.

What is stored is what a token has to say: `{algorithm, claims}`. The token itself is minted for each attempt,
for it is good for two minutes alone.
"""

import secrets as random
from collections.abc import Sequence
from urllib.parse import urlencode

from msidp import canonical, clock
from msidp.keys.keyring import keyring
from msidp.webhooks.dialects.base import USER_AGENT, Happening, Message, Prepared

TYPE = "logout+jwt"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFETIME = 2 * clock.MINUTE  # section 2.4 recommends no more


def hear(_event: Happening) -> None:
    """Nothing of what webhooks hear."""


def prepare(message: Message, _secrets: Sequence[str], at: int) -> Prepared:
    """The POST of section 2.5, with a fresh token. Raises keyring.CannotSign."""
    told = canonical.loads(message.body)
    claims = {
        "iss": keyring().issuer,
        **told["claims"],
        "iat": clock.seconds(at),
        "exp": clock.seconds(at + LIFETIME),
        "jti": random.token_urlsafe(16),
        "events": {EVENT: {}},
    }
    token = keyring().sign(claims, typ=TYPE, algorithm=told["algorithm"])
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": USER_AGENT}
    return headers, urlencode({"logout_token": token}).encode()
