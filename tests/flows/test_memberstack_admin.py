"""Memberstack's own admin package, unmodified, against a real server: every call it has for members."""

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.support.draining import drain
from tests.support.node import run_node
from tests.support.receiver import Receiver

pytestmark = pytest.mark.database("sqlite")

WALK = """
    const [baseUrl, key, free, paid] = args;
    const { members } = require('@memberstack/admin').init(key, { baseUrl });
    const refused = (call) => call.then(() => { throw new Error('not refused') }, (error) => error);
    const seen = {};
    seen.empty = await members.list();
    const { data: ann } = await members.create({
        email: 'jörg+1@münchen.de', password: 'correct horse', plans: [{ planId: free }],
        customFields: { 'first-name': 'Jörg', 'favourite number': 7 }, metaData: { source: 'import' },
        json: { cart: [1, 2] }, loginRedirect: '/welcome',
    });
    seen.created = ann;
    for (const n of [1, 2, 3, 4]) {
        await members.create({ email: `m${n}@example.com`, password: 'correct horse' });
    }
    for (const order of ['ASC', 'DESC']) {
        seen[order] = [];
        let after;
        do {
            const page = await members.list({ limit: 2, order, after });
            seen[order].push(page.data.map((member) => member.auth.email));
            seen.total = page.totalCount;
            after = page.hasNextPage ? page.endCursor : undefined;
        } while (after !== undefined);
    }
    seen.byId = await members.retrieve({ id: ann.id });
    seen.byEmail = await members.retrieve({ email: 'JÖRG+1@xn--mnchen-3ya.de' });
    seen.unknown = [
        await members.retrieve({ id: 'mem_no' }), await members.retrieve({ email: 'no@example.com' }),
    ];
    seen.updated = await members.update({ id: ann.id, data: {
        email: 'ann@example.com', verified: true, customFields: { 'last-name': 'Lee' },
        metaData: { source: 'crm' }, json: { cart: [] }, loginRedirect: '/home', profileImage: 'https://img.example/a.png',
    } });
    seen.removed = await members.removeFreePlan({ id: ann.id, data: { planId: free } });
    seen.added = await members.addFreePlan({ id: ann.id, data: { planId: free } });
    seen.refused = {
        taken: await refused(members.create({ email: 'ANN@example.com', password: 'correct horse' })),
        short: await refused(members.create({ email: 'x@example.com', password: 'short' })),
        again: await refused(members.addFreePlan({ id: ann.id, data: { planId: free } })),
        paid: await refused(members.addFreePlan({ id: ann.id, data: { planId: paid } })),
        plan: await refused(members.addFreePlan({ id: ann.id, data: { planId: 'pln_no' } })),
        off: await refused(members.removeFreePlan({ id: ann.id, data: { planId: paid } })),
        update: await refused(members.update({ id: 'mem_no', data: { verified: true } })),
        delete: await refused(members.delete({ id: 'mem_no' })),
        key: await refused(require('@memberstack/admin').init('sk_wrong', { baseUrl }).members.list()),
    };
    seen.deleted = await members.delete({ id: ann.id, data: { cancelStripeSubscriptions: true } });
    seen.gone = await members.retrieve({ id: ann.id });
    console.log(JSON.stringify(seen));
"""

VERIFY = """
    const memberstack = require('@memberstack/admin').init('sk_none');
    const [secret, sent] = args;
    const upper = (headers) =>
        Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
    const verified = sent.map(({ headers, body }) => memberstack.verifyWebhookSignature({
        payload: JSON.parse(body), secret, headers: upper(headers),
    }));
    const [{ headers, body }] = sent;
    let forged = 'accepted';
    try {
        memberstack.verifyWebhookSignature({
            payload: { ...JSON.parse(body), event: 'member.deleted' }, secret, headers: upper(headers),
        });
    } catch (error) { forged = 'refused'; }
    console.log(JSON.stringify({ verified, forged }));
"""


def walk(admin: FlaskClient, base_url: str) -> dict[str, Any]:
    """Everything the package answered."""
    plan_id = admin.post("/plans", json={"name": "Free"}).json["data"]["id"]
    price = {"amount": 5, "currency": "usd"}
    paid_id = admin.post("/plans", json={"name": "Paid", "prices": [price]}).json["data"]["id"]
    key = admin.environ_base["HTTP_X_API_KEY"]
    seen: dict[str, Any] = run_node(WALK, base_url, key, plan_id, paid_id)
    return seen


@pytest.mark.database("sqlite", "postgresql")
def test_every_call_for_members_and_how_it_is_refused(admin: FlaskClient, base_url: str) -> None:
    seen = walk(admin, base_url)
    assert seen["empty"] == {"totalCount": 0, "endCursor": 0, "hasNextPage": False, "data": []}
    created = seen["created"]
    assert created["auth"] == {"email": "jörg+1@münchen.de", "hasPassword": True, "providers": []}
    assert created["customFields"] == {"first-name": "Jörg", "favourite number": 7}
    assert (created["metaData"], created["loginRedirect"]) == ({"source": "import"}, "/welcome")
    [connection] = created["planConnections"]
    assert (connection["active"], connection["planName"], connection["type"]) == (True, "Free", "FREE")
    everyone = ["jörg+1@münchen.de", *(f"m{number}@example.com" for number in (1, 2, 3, 4))]
    assert seen["ASC"] == [everyone[:2], everyone[2:4], everyone[4:]]
    assert seen["DESC"] == [everyone[:2:-1], everyone[2:0:-1], everyone[:1]]
    assert seen["total"] == 5
    assert seen["byId"] == seen["byEmail"] == {"data": created}
    assert seen["unknown"] == [{"data": None}] * 2
    updated = seen["updated"]["data"]
    assert (updated["auth"]["email"], updated["verified"]) == ("ann@example.com", True)
    assert updated["customFields"] == created["customFields"] | {"last-name": "Lee"}
    assert (updated["metaData"], updated["profileImage"]) == ({"source": "crm"}, "https://img.example/a.png")
    assert (seen["removed"], seen["added"]) == ("OK", "OK")
    assert seen["deleted"] == {"data": {"id": created["id"]}}
    assert seen["gone"] == {"data": None}
    assert {name: error["code"] for name, error in seen["refused"].items()} == {
        "taken": "email-already-in-use",
        "short": "invalid",
        "again": "already-have-plan",
        "paid": "plan-not-free",
        "plan": "plan-not-found",
        "off": "plan-not-found",
        "update": "member-not-found",
        "delete": "member-not-found",
        "key": "unauthorized",
    }
    assert all(error["message"] for error in seen["refused"].values())


def test_delivered_webhooks_are_verified(app: Flask, admin: FlaskClient, base_url: str) -> None:
    with Receiver() as receiver:
        body = {"name": "ours", "url": receiver.url(), "dialect": "memberstack", "events": []}
        secret = admin.post("/webhooks", json=body).json["data"]["secret"]
        member_id = walk(admin, base_url)["created"]["id"]
        drain()
        received = receiver.received()
    events = [json.loads(request.body) for request in received]
    ours = {event["event"]: event for event in events if event["payload"]["id"] == member_id}
    assert set(ours) == {
        "member.created", "member.updated", "member.deleted", "member.plan.created", "member.plan.canceled",
    }  # fmt: skip
    assert ours["member.deleted"]["payload"] == {"id": member_id}
    assert ours["member.updated"]["reason"] == [
        "auth.email.updated", "verified.updated", "profile.updated", "customFields.updated",
        "metaData.updated", "json.updated", "loginRedirect.updated",
    ]  # fmt: skip
    sent = [{"headers": request.headers, "body": request.body.decode()} for request in received]
    assert run_node(VERIFY, secret, sent) == {"verified": [True] * len(sent), "forged": "refused"}
