"""verify_token with what the real provider issues: a member logs in over HTTP, as in the demo."""

import pytest

from msidp.admin import AdminClient, InvalidToken
from msidp.demo.client_app import ClientApp, Login


def test_the_tokens_of_a_log_in(
    real: AdminClient, application: ClientApp, login: Login, base_url: str
) -> None:
    member = real.get_member("ada@example.com")
    assert member is not None
    id_claims = real.verify_token(login.tokens["id_token"], audience=application.client_id)
    assert (id_claims.kind, id_claims.member_id, id_claims.issuer) == ("id", member.id, base_url)
    access = real.verify_token(login.tokens["access_token"], audience=application.client_id)
    assert (access.kind, access.member_id, access.client_id) == ("access", member.id, application.client_id)
    assert access.scope == {"openid", "profile", "email", "offline_access"}
    for token in (login.tokens["id_token"], login.tokens["access_token"]):
        with pytest.raises(InvalidToken) as caught:
            real.verify_token(token, audience="somebody-else")
        assert caught.value.reason == "audience"
    with pytest.raises(InvalidToken):
        real.verify_token(login.tokens["refresh_token"])
