"""Settings → Mail: how mails leave, and one to oneself to see that they do."""

from flask import current_app, redirect, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from msidp import clock, languages
from msidp.audit import service as audit
from msidp.dashboard.frame import HOME, actor, bp, operator, page
from msidp.db import reading, transaction
from msidp.mail import delivery, outbox, smtp
from msidp.mail.models import Mail
from msidp.settings import Settings

PATH = f"{HOME}/settings/mail"
GOOD_FOR = 10 * clock.MINUTE  # nobody waits longer for a mail that is only tried


@bp.get("/settings/mail")
def show_mail() -> Response:
    """The mail server, what it refused lately, and how the test mail fares."""
    settings: Settings = current_app.extensions["msidp_settings"]
    with reading() as session:
        lost, reason = delivery.lost_since(session, clock.now() - clock.DAY)
        mine = (Mail.community_id == operator().community_id, Mail.template == "test")
        tried = session.scalar(select(Mail).where(*mine, Mail.id == request.args.get("sent", "")))
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
        mail_id = outbox.send(
            session,
            community_id=who.community_id,
            to=who.email,
            template="test",
            context={"name": who.name},
            expires_at=clock.now() + GOOD_FOR,
            language=languages.SOURCE,  # as the dashboard
        )
        audit.record(session, actor(), "mail.tested", mail_id)
    return redirect(f"{PATH}?sent={mail_id}", 303)
