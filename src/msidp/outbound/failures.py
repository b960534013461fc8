"""Why a request failed, as a short list of classes that logs and the Admin API show."""

import pycurl

TIMEOUT = "timeout"  # the deadline passed before a response's headers were complete
TLS_ERROR = "tls_error"  # no handshake, or a certificate that does not hold
BLOCKED_ADDRESS = "blocked_address"  # the name resolved to an address that must not be dialled
DNS_ERROR = "dns_error"  # the name did not resolve
CONNECT_ERROR = "connect_error"  # no connection, or it broke
BAD_RESPONSE = "bad_response"  # not HTTP, too large a head, or an answer before the whole request was sent
REDIRECT = "redirect"  # a 3xx, which is not followed
HTTP_ERROR = "http_error"  # any other status that is not a 2xx

CLASSES = (
    TIMEOUT, TLS_ERROR, BLOCKED_ADDRESS, DNS_ERROR, CONNECT_ERROR, BAD_RESPONSE, REDIRECT, HTTP_ERROR,
)  # fmt: skip

_OF_CODE = {
    pycurl.E_OPERATION_TIMEDOUT: TIMEOUT,
    pycurl.E_COULDNT_RESOLVE_HOST: DNS_ERROR,
    pycurl.E_COULDNT_CONNECT: CONNECT_ERROR,
    pycurl.E_SEND_ERROR: CONNECT_ERROR,
    pycurl.E_RECV_ERROR: CONNECT_ERROR,
    pycurl.E_SSL_CONNECT_ERROR: TLS_ERROR,
    pycurl.E_PEER_FAILED_VERIFICATION: TLS_ERROR,
    pycurl.E_SSL_CIPHER: TLS_ERROR,
    pycurl.E_SSL_ISSUER_ERROR: TLS_ERROR,
    pycurl.E_SSL_CACERT_BADFILE: TLS_ERROR,
    pycurl.E_SSL_CERTPROBLEM: TLS_ERROR,
}


def of_curl_code(code: int) -> str:
    """The class of a request that ended without a status."""
    return _OF_CODE.get(code, BAD_RESPONSE)


def of_status(status: int) -> str | None:
    """The class of a response: None for a 2xx."""
    if 200 <= status < 300:
        return None
    return REDIRECT if 300 <= status < 400 else HTTP_ERROR
