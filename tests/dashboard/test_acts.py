"""Everything that the dashboard does can be done over the Admin API, and so by `msidp api`."""

import pytest
from flask import Flask

from msidp.apidocs import document

# Which routes there are does not depend on the database.
pytestmark = pytest.mark.database("sqlite")

# Every act of the dashboard, by its route, and the operation that does the same.
OPERATIONS = {
    "create_api_key": "post /api-keys",
    "revoke_api_key": "delete /api-keys/{keyId}",
    "create_application": "post /applications",
    "change_application": "patch /applications/{applicationId}",
    "delete_application": "delete /applications/{applicationId}",
    "rotate_application_secret": "post /applications/{applicationId}/rotate-secret",
    "create_initial_access_token": "post /initial-access-tokens",
    "revoke_initial_access_token": "delete /initial-access-tokens/{tokenId}",
    "retry_delivery": "post /deliveries/{deliveryId}/retry",
    "retry_deliveries": "post /deliveries/retry",
    "create_event_type": "post /event-types",
    "change_event_type": "patch /event-types/{eventType}",
    "delete_event_type": "delete /event-types/{eventType}",
    "send_event_example": "post /webhooks/{webhookId}/examples",
    "cancel_job": "post /jobs/{jobId}/cancel",
    "import_members": "post /jobs/{jobId}/import",
    "rotate_signing_key": "post /keys/rotate",
    "create_member": "post /members",
    "change_member": "patch /members/{memberId}",
    "remove_member_app": "delete /members/{memberId}/factors/authenticator-app",
    "delete_member": "delete /members/{memberId}",
    "add_plan": "post /members/{memberId}/add-plan",
    "remove_plan": "post /members/{memberId}/remove-plan",
    "change_plan": "patch /members/{memberId}/plans/{connectionId}",
    "end_member_session": "delete /members/{memberId}/sessions/{sessionId}",
    "end_member_sessions": "delete /members/{memberId}/sessions",
    "begin_bulk": "post /members/bulk",
    "upload_members": "post /members/import",
    "remove_operator": "delete /operators/{operatorId}",
    "reset_operator_factors": "delete /operators/{operatorId}/factors",
    "change_role": "patch /operators/{operatorId}",
    "invite_operator": "post /operator-invitations",
    "withdraw_invitation": "delete /operator-invitations/{invitationId}",
    "require_second_factor": "patch /operator-policy",
    "create_plan": "post /plans",
    "change_plan_terms": "patch /plans/{planId}",
    "delete_plan": "delete /plans/{planId}",
    "cancel_replay": "post /replays/{replayId}/cancel",
    "change_settings": "patch /community",
    "change_branding": "patch /branding",
    "send_test_mail": "post /mail-tests",
    "change_mail_text": "put /mail-texts/{template}/{language}",
    "delete_mail_text": "delete /mail-texts/{template}/{language}",
    "change_application_lifetimes": "patch /applications/{applicationId}",
    "change_retention": "patch /webhook-settings",
    "change_token_settings": "patch /token-lifetimes",
    "rotate_dashboard_webhook_key": "post /webhook-keys/rotate",
    "create_webhook": "post /webhooks",
    "change_webhook": "patch /webhooks/{webhookId}",
    "switch_webhook": "patch /webhooks/{webhookId}",
    "delete_webhook": "delete /webhooks/{webhookId}",
    "replay_events": "post /webhooks/{webhookId}/replay",
    "rotate_webhook_secret": "post /webhooks/{webhookId}/rotate-secret",
    "test_webhook": "post /webhooks/{webhookId}/test",
}
# A person's own proofs of who they are: no key can be that person.
THEIR_OWN = {
    "set_up",
    "ask_for_reset",
    "reset_password",
    "submit_sign_in",
    "sign_in_by_passkey",
    "submit_verify",
    "submit_sign_out",
    "submit_confirm",
    "confirm_by_passkey",
    "change_own_password",
    "end_other_sessions",
    "start_authenticator",
    "confirm_authenticator",
    "remove_authenticator",
    "replace_recovery_codes",
    "create_passkey",
    "rename_passkey",
    "remove_passkey",
}
# What only a browser can do, and changes nothing: it shows how something will look or runs a log-in.
SHOWN = {"preview_branding", "preview_mail_text", "begin_try_login"}


def test_every_act_of_the_dashboard_is_an_operation_of_the_admin_api(app: Flask) -> None:
    acts = {
        rule.endpoint.removeprefix("dashboard.")
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("dashboard.") and "POST" in (rule.methods or ())
    }
    assert acts == OPERATIONS.keys() | THEIR_OWN | SHOWN
    with app.app_context():
        paths = document.build(app, "https://id.example.com")["paths"]
    known = {f"{method} {path}" for path, operations in paths.items() for method in operations}
    assert set(OPERATIONS.values()) - known == set()
