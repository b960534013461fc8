"""JWTs as a client might send them, right or wrong: nothing is checked on the way."""

import json
from typing import Any

from joserfc.jwk import Key
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode


def sign(header: Any, claims: Any, key: Key) -> str:
    """A compact JWS by the algorithm that the header names."""
    message = f"{segment(header)}.{segment(claims)}"
    signature = JWSRegistry.algorithms[header["alg"]].sign(message.encode(), key)
    return f"{message}.{urlsafe_b64encode(signature).decode()}"


def segment(value: Any) -> str:
    """One part of a JWT."""
    return urlsafe_b64encode(json.dumps(value).encode()).decode()


def public(*keys: Key) -> dict[str, Any]:
    """The JWK Set of these keys."""
    return {"keys": [key.as_dict(private=False) for key in keys]}
