"""Settings → Mail: how mails leave, and one to oneself to see that they do."""

from flask import current_app, redirect, request
from werkzeug.wrappers import Response

from msidp import clock
from msidp.dashboard.frame import HOME, actor, bp, operator, page
from msidp.db import reading, transaction
from msidp.mail import delivery, smtp, trial
from msidp.settings import Settings

PATH = f"{HOME}/settings/mail"


@bp.get("/settings/mail")
def show_mail() -> Response:
    """The mail server, what it refused lately, and how the test mail fares."""
    settings: Settings = current_app.extensions["msidp_settings"]
    with reading() as session:
        lost, reason = delivery.lost_since(session, clock.now() - clock.DAY)
        tried = trial.find(session, operator().community_id, request.args.get("sent", ""))
    return page(
        "mail",
        server=settings.mail_server,
        sender=smtp.sender_address(settings),
        lost=lost,
        reason=reason,
        tried=tried,
    )


@bp.post("/settings/mail/test")
def send_test_mail() -> Response:
    """Mail the operator, the way every mail goes."""
    who = operator()
    with transaction() as session:
        mail_id = trial.send(session, actor(), who.email, who.name)
    return redirect(f"{PATH}?sent={mail_id}", 303)
