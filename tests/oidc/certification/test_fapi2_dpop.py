"""fapi2-security-profile-final-test-plan: its modules about DPoP, without that prefix."""

import time

import pytest
from tests.oidc.certification.conftest import Site
from tests.oidc.certification.fapi import Fapi, new_key, thumbprint
from tests.oidc.certification.test_fapi2 import error
from tests.support.forms import Browser


@pytest.fixture
def bank(site: Site, browser: Browser) -> Fapi:
    return Fapi(site, browser).register()


def test_check_dpop_proof_nbf_exp(bank: Fapi) -> None:
    """A proof may say more than it has to."""
    now = int(time.time())
    proof = bank.proof(bank.token_endpoint, nbf=now - 1, exp=now + 60)
    assert bank.exchange(bank.code(bank.request()), proof=proof).status_code == 200


@pytest.mark.parametrize(
    "offset",
    [
        pytest.param(-9, id="ensure-dpop-proof-with-iat-10-seconds-before-succeeds"),
        pytest.param(9, id="ensure-dpop-proof-with-iat-10-seconds-after-succeeds"),
    ],
)
def test_clocks_differ_a_little(bank: Fapi, offset: int) -> None:
    """A second less than ten: the request takes its time."""
    proof = bank.proof(bank.token_endpoint, iat=int(time.time()) + offset)
    assert bank.exchange(bank.code(bank.request()), proof=proof).status_code == 200


def test_ensure_mismatched_dpop_jkt_fails(bank: Fapi) -> None:
    """The pushed dpop_jkt is another key's than the proof that comes along."""
    request = bank.request(dpop_jkt=thumbprint(new_key()))
    assert error(bank.push(request, proof=bank.proof(bank.par))) in ("invalid_request", "invalid_dpop_proof")


def test_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(bank: Fapi) -> None:
    """The code is bound by a proof at /par, redeemed with another key."""
    code = bank.code(bank.request(), proof=bank.proof(bank.par))
    proof = bank.proof(bank.token_endpoint, key=new_key())
    assert error(bank.exchange(code, proof=proof)) in ("invalid_grant", "invalid_dpop_proof")


def test_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(bank: Fapi) -> None:
    code = bank.code(bank.request(dpop_jkt=thumbprint(new_key())))
    assert error(bank.exchange(code)) in ("invalid_grant", "invalid_dpop_proof")


def test_ensure_dpop_proof_at_par_endpoint_binding_success(bank: Fapi) -> None:
    code = bank.code(bank.request(), proof=bank.proof(bank.par))
    assert bank.exchange(code).status_code == 200


def test_ensure_dpop_auth_code_binding_success(bank: Fapi) -> None:
    code = bank.code(bank.request(dpop_jkt=thumbprint(bank.dpop_key)))
    assert bank.exchange(code).status_code == 200


def test_ensure_holder_of_key_required(bank: Fapi) -> None:
    assert error(bank.exchange(bank.code(bank.request()), proof=None)) in (
        "invalid_request",
        "invalid_dpop_proof",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "GET"}, {"htm": None}, {"htu": "https://else.example/token"}, {"htu": None},
        {"jti": None}, {"iat": None},
    ],
    ids=["htm-of-another", "no-htm", "htu-of-another", "no-htu", "no-jti", "no-iat"],
)  # fmt: skip
def test_dpop_negative_tests(bank: Fapi, changes: dict[str, object]) -> None:
    proof = bank.proof(bank.token_endpoint, **changes)
    assert error(bank.exchange(bank.code(bank.request()), proof=proof)) == "invalid_dpop_proof"


@pytest.mark.parametrize("offset", [-3600, 3600])
def test_dpop_negative_tests_of_its_age(bank: Fapi, offset: int) -> None:
    proof = bank.proof(bank.token_endpoint, iat=int(time.time()) + offset)
    assert error(bank.exchange(bank.code(bank.request()), proof=proof)) == "invalid_dpop_proof"


def test_dpop_negative_tests_of_a_resource(bank: Fapi) -> None:
    token = bank.tokens().access_token
    assert bank.userinfo(token).status_code == 200
    assert bank.userinfo(token, key=new_key()).status_code == 401
    assert bank.userinfo(token, ath="other").status_code == 401
    assert bank.userinfo(token, ath=None).status_code == 401
    assert bank.userinfo(token, scheme="Bearer").status_code == 401
    assert bank.site.get("/userinfo", Authorization=f"DPoP {token}").status_code == 401


def test_a_proof_is_good_once(bank: Fapi) -> None:
    proof = bank.proof(bank.token_endpoint)
    first, second = bank.code(bank.request()), bank.code(bank.request())
    assert bank.exchange(first, proof=proof).status_code == 200
    assert error(bank.exchange(second, proof=proof)) == "invalid_dpop_proof"
