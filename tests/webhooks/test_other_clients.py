"""Our signatures under the verifiers receivers use in JavaScript, unmodified."""

from tests.support.node import run_node
from tests.webhooks.samples import CREATED, EVERY, OLD_SECRET, SECRET, happening

from msidp import clock
from msidp.webhooks import catalogue
from msidp.webhooks.dialects import Message, hear, prepare

# What Python and JavaScript write differently, unless somebody takes care.
AWKWARD = {
    **CREATED.data["member"],
    "customFields": {
        "b": 1.0, "10": -0.0, "2": 1e-7, "a": 1e21, "c": 2**60, "d": 0.1 + 0.2, "e": 5e-324,
        "text": '\u00e9\u2028\u2029\U0001f600\x7f\x1f"\\/<script>', "__proto__": {"x": [None, True, {}, []]},
    },
}  # fmt: skip

SCRIPT = """
    import crypto from 'node:crypto';
    import { Webhook } from 'standardwebhooks';
    const memberstack = require('@memberstack/admin').init('sk_test');
    const [secret, sent] = args;
    const verified = [];
    for (const { dialect, headers, body } of sent) {
        new Webhook(secret).verify(body, headers);
        const same = JSON.stringify(JSON.parse(body)) === body;
        if (dialect === 'memberstack') {
            const upper = Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toUpperCase(), v]));
            memberstack.verifyWebhookSignature({ payload: JSON.parse(body), headers: upper, secret });
        }
        if (dialect === 'memberpad') {
            const expected = 'sha256=' + crypto.createHmac('sha256', secret).update(body).digest('hex');
            crypto.timingSafeEqual(Buffer.from(headers['X-MemberPad-Signature']), Buffer.from(expected))
                || process.exit(3);
        }
        verified.push([dialect, same]);
    }
    console.log(JSON.stringify(verified));
"""


def test_javascript_verifies_every_event_of_every_dialect_in_the_midst_of_a_rotation() -> None:
    sent = []
    for event in (*EVERY, happening("member.created", {**CREATED.data, "member": AWKWARD})):
        for dialect in catalogue.DIALECTS:
            heard = hear(dialect, event)
            if heard is not None:
                message = Message("evt_1", "0b5c8c1e-58ea-4cf8-a3ae-2fd6ed0a42ff", *heard)
                headers, _ = prepare(dialect, message, (SECRET, OLD_SECRET), clock.now())
                sent.append({"dialect": dialect, "headers": headers, "body": message.body.decode()})
    assert run_node(SCRIPT, SECRET, sent) == [[each["dialect"], True] for each in sent]
