"""The steps, in the order of STEPS. Each tells what happened, a line each, or raises DemoError."""

import time
from collections.abc import Callable

from msidp.admin import AdminClient, InvalidSignature, InvalidToken, Member, verify_webhook
from msidp.demo.browser import Browser, Form, Page
from msidp.demo.client_app import ClientApp, Login
from msidp.demo.show import masked, milliseconds
from msidp.demo.walk import Walk
from msidp.demo.web import DemoError

DIALECTS = ("memberstack", "memberpad", "standard")


def make_api_key(walk: Walk) -> list[str]:
    made = walk.server.command("api-key", "create", "--name", "demo")
    walk.api_key = made["secretKey"]
    walk.sdk = AdminClient(walk.api_key, walk.server.base_url)
    walk.app = ClientApp(walk.sdk, walk.server.base_url)
    return [f"msidp api-key create → {made['id']}, secret {masked(walk.api_key)}"]


def register_plan(walk: Walk) -> list[str]:
    walk.plan_id = walk.call("POST", "/plans", {"name": "Demo Club"})["data"]["id"]
    return [f"POST /plans → {walk.plan_id}, free"]


def register_application(walk: Walk) -> list[str]:
    body = {"name": "Demo application", "type": "web", "redirectUris": [walk.app.redirect_uri]}
    made = walk.call("POST", "/applications", body)["data"]
    walk.app.client_id, walk.app.client_secret = made["clientId"], made["clientSecret"]
    return [
        f"POST /applications → client {made['clientId']}, secret {masked(made['clientSecret'])}",
        f"redirects to {walk.app.redirect_uri}",
    ]


def register_webhooks(walk: Walk) -> list[str]:
    for dialect in DIALECTS:
        body = {"name": f"Demo {dialect}", "url": f"{walk.receiver.url}/{dialect}", "dialect": dialect}
        made = walk.call("POST", "/webhooks", {**body, "events": []})["data"]
        walk.receiver.secrets[dialect] = made["secret"]
        walk.webhook_ids[dialect] = made["id"]
    return [f"POST /webhooks, one a dialect: {', '.join(DIALECTS)}", f"received at {walk.receiver.url}"]


def ping_webhooks(walk: Walk) -> list[str]:
    since = time.monotonic()
    for webhook_id in walk.webhook_ids.values():
        walk.call("POST", f"/webhooks/{webhook_id}/test")
    return walk.hears("ping", since, memberstack="ping", memberpad="ping")


def sign_up(walk: Walk) -> list[str]:
    """Client application → /authorize → log-in page → sign-up page → consent → client application."""
    page = walk.browser.open(f"{walk.app.url}/login")
    page = walk.browser.open(page.link_to("/signup"))
    hops = page.hops
    since = time.monotonic()
    page = walk.browser.submit(
        page.form_with("password"), **_sign_up_fields(walk, page.form_with("password"))
    )
    page = _consent(walk, page)
    walk.login = _logged_in(walk, page, 1)
    walk.member_id = walk.login.id_claims.subject
    told = walk.hears(walk.member_id, since, memberstack="member.created", memberpad="member.joined")
    return [f"{walk.email} on {hops[-1]}, consent given → {walk.member_id}", *told]


def finish_code_flow(walk: Walk) -> list[str]:
    tokens = walk.login.tokens
    return [
        f"code + PKCE S256 → {', '.join(sorted(name for name in tokens if name.endswith('token')))}",
        f"scope {tokens.get('scope', '')}; the access token lives {tokens['expires_in']} s",
    ]


def verify_tokens(walk: Walk) -> list[str]:
    claims, access = walk.login.id_claims, walk.login.access_claims
    return [
        f"ID token: iss {claims.issuer}, aud {claims.audience[0]}, nonce as sent",
        f"access token: sub {access.subject}, scope {' '.join(sorted(access.scope))}",
        f"AdminClient.verify_token: {milliseconds(walk.login.verified_in)}, keys fetched on the way",
    ]


def read_userinfo(walk: Walk) -> list[str]:
    claims = walk.app.userinfo(walk.login.tokens["access_token"])
    _must(claims["sub"] == walk.member_id and claims["email"] == walk.email, f"somebody else: {claims}")
    return [", ".join(f"{name} {value}" for name, value in claims.items())]


def read_member(walk: Walk) -> list[str]:
    member = _member(walk)
    _must(member.email == walk.email, f"another address: {member.email}")
    return [
        f"AdminClient.get_member → {member.email}",
        f"has a password: {_yes(member.has_password)}, verified: {_yes(member.verified)}",
    ]


def log_in_again(walk: Walk) -> list[str]:
    walk.browser.open(f"{walk.app.url}/login")
    silent = len(walk.app.logins) == 2
    _must(silent, "the session was not enough to log in again")
    other = Browser()
    page = other.open(f"{walk.app.url}/login")
    page = other.submit(page.form_with("password"), email=walk.email, password=walk.password)
    login = _logged_in(walk, page, 3)
    _must(login.id_claims.subject == walk.member_id, "logged in as somebody else")
    return ["the same browser: at once, by its session", "another browser: by address and password"]


def refresh(walk: Walk) -> list[str]:
    old = walk.login.tokens
    new = walk.app.ask_for_tokens(grant_type="refresh_token", refresh_token=old["refresh_token"])
    claims = walk.sdk.verify_token(new["access_token"])
    _must(claims.subject == walk.member_id, "the new token is somebody else's")
    _must(new["refresh_token"] != old["refresh_token"], "the refresh token was not replaced")
    _refused(walk, old["refresh_token"])
    _refused(walk, new["refresh_token"])
    return ["a new access token, and a new refresh token for the old one",
            "the old one again: invalid_grant, and its whole family is revoked"]  # fmt: skip


def refuse_forgeries(walk: Walk) -> list[str]:
    head, payload, signature = walk.login.tokens["id_token"].split(".")
    forged = f"{head}.{payload}.{signature[:-8]}{'AAAAAAAA' if signature[-8:] != 'AAAAAAAA' else 'BBBBBBBB'}"
    told: list[str] = []
    try:
        walk.sdk.verify_token(forged)
    except InvalidToken as error:
        told.append(f"a token with another signature: {error.reason}")
    try:
        walk.sdk.verify_token(walk.login.tokens["id_token"], audience="another-application")
    except InvalidToken as error:
        told.append(f"a token for another application: {error.reason}")
    delivery = walk.deliveries[-1]
    try:
        verify_webhook(delivery.body + b" ", delivery.headers, walk.receiver.secrets[delivery.dialect])
    except InvalidSignature as error:
        told.append(f"a webhook with a changed body: {error.reason}")
    _must(len(told) == 3, "a forgery passed")
    return told


def change_member(walk: Walk) -> list[str]:
    since = time.monotonic()
    member = walk.sdk.update_member(walk.member_id, custom_fields={"favourite-colour": "green"})
    _must(member.custom_fields.get("favourite-colour") == "green", "the change is not there")
    told = walk.hears(walk.member_id, since, memberstack="member.updated")
    return ["AdminClient.update_member(custom_fields=…)", *told]


def add_plan(walk: Walk) -> list[str]:
    since = time.monotonic()
    walk.sdk.add_plan(walk.member_id, walk.plan_id)
    _must(_member(walk).has_plan(walk.plan_id), "the plan is not there")
    told = walk.hears(
        walk.member_id, since, memberstack="member.plan.created", memberpad="subscription.created"
    )
    return [f"AdminClient.add_plan → {walk.plan_id}", *told]


def remove_plan(walk: Walk) -> list[str]:
    since = time.monotonic()
    walk.sdk.remove_plan(walk.member_id, walk.plan_id)
    _must(not _member(walk).has_plan(walk.plan_id), "the plan is still there")
    told = walk.hears(
        walk.member_id, since, memberstack="member.plan.canceled", memberpad="subscription.cancelled"
    )
    return ["AdminClient.remove_plan", *told]


def publish_event(walk: Walk) -> list[str]:
    since = time.monotonic()
    course = {"courseId": "pkce-101", "title": "PKCE in an afternoon", "memberId": walk.member_id}
    event_id = walk.sdk.publish_event("course.completed", course)
    told = walk.hears(event_id, since, memberpad="course.completed")
    return [f'AdminClient.publish_event("course.completed", …) → {event_id}', *told]


def delete_member(walk: Walk) -> list[str]:
    since = time.monotonic()
    walk.sdk.delete_member(walk.member_id)
    _must(walk.sdk.get_member(walk.member_id) is None, "the member is still there")
    told = walk.hears(walk.member_id, since, memberstack="member.deleted", memberpad="member.left")
    return ["AdminClient.delete_member; get_member → None", *told]


def read_delivery_log(walk: Walk) -> list[str]:
    told = []
    for dialect, webhook_id in walk.webhook_ids.items():
        deadline = time.monotonic() + 10  # the log is written once the receiver has answered
        while True:
            page = walk.call("GET", f"/webhooks/{webhook_id}/deliveries?first=100")
            states = [delivery["status"] for delivery in page["data"]]
            if set(states) == {"succeeded"} or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        _must(set(states) == {"succeeded"}, f"{dialect}: {states}")
        told.append(f"{dialect} {len(states)}")
    return [f"all succeeded: {' · '.join(told)}"]


Step = Callable[[Walk], list[str]]
STEPS: dict[str, dict[str, Step]] = {
    "The operator prepares": {
        "API key made": make_api_key,
        "Plan made": register_plan,
        "Application registered": register_application,
        "Webhooks registered": register_webhooks,
        "Test pings verified": ping_webhooks,
    },
    "A member signs up, and logs in to the application": {
        "Signed up": sign_up,
        "Code flow finished": finish_code_flow,
        "Tokens verified": verify_tokens,
        "Userinfo read": read_userinfo,
        "Logged in again": log_in_again,
        "Tokens refreshed": refresh,
    },
    "The application's backend works with the member, and subscribers hear of it": {
        "Member read": read_member,
        "Member changed": change_member,
        "Plan added": add_plan,
        "Plan removed": remove_plan,
        "Event published": publish_event,
        "Member deleted": delete_member,
        "Delivery log read": read_delivery_log,
        "Forgeries refused": refuse_forgeries,
    },
}


def _sign_up_fields(walk: Walk, form: Form) -> dict[str, str]:
    """What a person fills in: the address, the password, and the rest as far as the form asks for it."""
    known = {"email": walk.email, "password": walk.password, "name": "Ada Lovelace"}
    return {name: value for name, value in known.items() if name in form.values}


def _consent(walk: Walk, page: Page) -> Page:
    """Allow what the application asks for."""
    return walk.browser.submit(page.form_with_button("allow"), "allow")


def _logged_in(walk: Walk, page: Page, logins: int) -> Login:
    at_app = page.answer.url.startswith(walk.app.redirect_uri)
    _must(at_app and len(walk.app.logins) == logins, f"ended at {page.answer.url}: {page.text[:300]}")
    return walk.app.logins[-1]


def _refused(walk: Walk, refresh_token: str) -> None:
    try:
        walk.app.ask_for_tokens(grant_type="refresh_token", refresh_token=refresh_token)
    except DemoError as error:
        _must("invalid_grant" in str(error), str(error))
    else:
        raise DemoError("a revoked refresh token was accepted")


def _member(walk: Walk) -> Member:
    member = walk.sdk.get_member(walk.member_id)
    if member is None:
        raise DemoError(f"{walk.member_id} is not there")
    return member


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise DemoError(otherwise)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
