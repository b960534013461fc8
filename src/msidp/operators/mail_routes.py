"""A test mail to an operator over the Admin API."""

from typing import Any

from msidp import clock
from msidp.api import Data, answers, api
from msidp.audit.routes import key_holder
from msidp.communities.guard import AdminBlueprint, caller
from msidp.db import reading, transaction
from msidp.errors import NotFound
from msidp.mail import trial
from msidp.mail.models import Mail
from msidp.operators import schemas, service

bp = AdminBlueprint("mail_tests", __name__, url_prefix="/mail-tests")
TAGS = ["branding"]


@bp.post("")
@api.validate(resp=answers(Data[schemas.MailTestAnswer], 404), tags=TAGS)
def send(json: schemas.MailTest) -> dict[str, Any]:
    """Send a mail to one of the operators, the way every mail goes; ask again for how it fares."""
    with transaction() as session:
        person = service.find_by_email(session, caller().community_id, json.to)
        if person is None:
            raise NotFound("operator-not-found", "No operator has this address.")
        mail_id = trial.send(session, key_holder(), person.email, person.name)
        return _answer(trial.find(session, caller().community_id, mail_id))


@bp.get("/<mail_id>")
@api.validate(resp=answers(Data[schemas.MailTestAnswer], 404), tags=TAGS)
def show(mail_id: str) -> dict[str, Any]:
    """Retrieve how a test mail fares, and what the mail server said."""
    with reading() as session:
        return _answer(trial.find(session, caller().community_id, mail_id))


def _answer(mail: Mail | None) -> dict[str, Any]:
    if mail is None:
        raise NotFound("mail-not-found", "There is no such test mail.")
    return {
        "data": {
            "id": mail.id,
            "to": mail.recipient,
            "status": mail.status,
            "error": mail.error,
            "createdAt": clock.iso(mail.created_at),
        }
    }
