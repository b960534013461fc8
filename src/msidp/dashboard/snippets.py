"""Code to copy, with the real values in it: what a client of each type needs to log members in."""

import json
import shlex
from typing import Any
from urllib.parse import urlencode

PLACEHOLDER = "the secret shown when the application was made"


def snippets(issuer: str, application: dict[str, Any], secret: str | None) -> dict[str, str]:
    """Title and code, by what the application is."""
    if application["type"] == "machine":
        return {"curl": _machine(issuer, application, secret)}
    public = application["tokenEndpointAuthMethod"] == "none"
    redirect = (application["redirectUris"] or ["https://app.example.com/callback"])[0]
    values = (issuer, application["clientId"], None if public else secret or PLACEHOLDER, redirect)
    if application["type"] == "spa":
        return {"oidc-client-ts": _oidc_client_ts(*values), "openid-client": _openid_client(*values)}
    if application["type"] == "native":
        return {"openid-client": _openid_client(*values), "curl": _curl(*values)}
    return {
        "openid-client": _openid_client(*values),
        "Authlib (Flask)": _authlib(*values),
        "next-auth": _next_auth(*values),
        "mod_auth_openidc": _apache(*values),
        "curl": _curl(*values),
    }


def memberstack_dom(base_url: str, public_key: str) -> str:
    """What a site's own pages log members in with."""
    return f"""import MemberstackDOM from "@memberstack/dom";

const memberstack = MemberstackDOM.init({{
  publicKey: {json.dumps(public_key)},
  domain: {json.dumps(base_url)},
}});

const {{ data: member }} = await memberstack.getCurrentMember(); // null: nobody is logged in
await memberstack.loginMemberEmailPassword({{ email, password }});
"""


def _openid_client(issuer: str, client_id: str, secret: str | None, redirect: str) -> str:
    how = f"{json.dumps(secret)}, undefined" if secret else "undefined, client.None()"
    if issuer.startswith("http:"):  # an instance for trying out; the library has to be told
        how += ", { execute: [client.allowInsecureRequests] }"
    return f"""import * as client from "openid-client";

const config = await client.discovery(new URL({json.dumps(issuer)}), {json.dumps(client_id)}, {how});

// To log in: keep verifier and state in the session, then send the browser to `url`.
const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const url = client.buildAuthorizationUrl(config, {{
  redirect_uri: {json.dumps(redirect)},
  scope: "openid profile email",
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
}});

// At the redirect URI:
const tokens = await client.authorizationCodeGrant(config, currentUrl, {{
  pkceCodeVerifier: verifier,
  expectedState: state,
}});
const {{ sub }} = tokens.claims(); // who it is; name and address come from userinfo
console.log(await client.fetchUserInfo(config, tokens.access_token, sub));
"""


def _authlib(issuer: str, client_id: str, secret: str | None, redirect: str) -> str:
    return f"""from authlib.integrations.flask_client import OAuth

oauth = OAuth(app)
oauth.register(
    "msidp",
    client_id={json.dumps(client_id)},
    client_secret={json.dumps(secret)},
    server_metadata_url={json.dumps(issuer + "/.well-known/openid-configuration")},
    client_kwargs={{"scope": "openid profile email", "code_challenge_method": "S256"}},
)

@app.get("/login")
def login():
    return oauth.msidp.authorize_redirect({json.dumps(redirect)})

@app.get("/callback")
def callback():
    token = oauth.msidp.authorize_access_token()
    session["user"] = oauth.msidp.userinfo(token=token)  # sub, email, name, …
    return redirect("/")
"""


def _oidc_client_ts(issuer: str, client_id: str, _secret: str | None, redirect: str) -> str:
    return f"""import {{ UserManager }} from "oidc-client-ts";

const manager = new UserManager({{
  authority: {json.dumps(issuer)},
  client_id: {json.dumps(client_id)},
  redirect_uri: {json.dumps(redirect)},
  scope: "openid profile email",
  loadUserInfo: true, // name and address are not in the ID token
}});

await manager.signinRedirect();          // to log in
const user = await manager.signinCallback(); // at the redirect URI
console.log(user.profile);
"""


def _next_auth(issuer: str, client_id: str, secret: str | None, _redirect: str) -> str:
    return f"""// Redirect URI of the application: https://app.example.com/api/auth/callback/msidp
export const {{ handlers, auth }} = NextAuth({{
  providers: [{{
    id: "msidp",
    name: "Sign in",
    type: "oidc",
    issuer: {json.dumps(issuer)},
    clientId: {json.dumps(client_id)},
    clientSecret: {json.dumps(secret)},
    authorization: {{ params: {{ scope: "openid profile email" }} }},
    checks: ["pkce", "state", "nonce"],
    idToken: false, // name and address come from userinfo
  }}],
}});
"""


def _apache(issuer: str, client_id: str, secret: str | None, redirect: str) -> str:
    return f"""OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {client_id}
OIDCClientSecret "{secret}"
OIDCRedirectURI {redirect}
OIDCCryptoPassphrase "exec:/usr/bin/openssl rand -hex 32"
OIDCScope "openid profile email"
OIDCPKCEMethod S256

<Location />
  AuthType openid-connect
  Require valid-user
</Location>
"""


def _curl(issuer: str, client_id: str, secret: str | None, redirect: str) -> str:
    asked = {"response_type": "code", "client_id": client_id, "redirect_uri": redirect}
    asked |= {"scope": "openid profile email", "code_challenge_method": "S256"}
    who = f"-u {shlex.quote(f'{client_id}:{secret}')}" if secret else f"-d client_id={client_id}"
    url = shlex.quote(f"{issuer}/authorize?{urlencode(asked)}")
    found = r"""s/.*"access_token": *"\([^"]*\)".*/\1/p"""
    return f"""verifier=$(openssl rand -hex 32)
challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | openssl base64 -A | tr +/ -_ | tr -d =)

# Open this in a browser. It ends at the redirect URI; type in the code that stands in its address.
state=$(openssl rand -hex 16)
echo {url}"&state=$state&code_challenge=$challenge"
read -r code

token=$(curl -s {issuer}/token {who} \\
  -d grant_type=authorization_code -d "code=$code" -d "code_verifier=$verifier" \\
  --data-urlencode {shlex.quote(f"redirect_uri={redirect}")} |
  sed -n '{found}')
curl -s {issuer}/userinfo -H "Authorization: Bearer $token"
"""


def _machine(issuer: str, application: dict[str, Any], secret: str | None) -> str:
    return f"""curl {issuer}/token \\
  -u '{application["clientId"]}:{secret or PLACEHOLDER}' \\
  -d grant_type=client_credentials
"""
