"""The community's name, language and origins over the Admin API."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from msidp.api import Answer, Data, Name, Schema, answers, api, given, left_out
from msidp.audit import service as audit
from msidp.audit.routes import key_holder
from msidp.branding import current
from msidp.communities import origins, service
from msidp.communities.guard import AdminBlueprint, caller
from msidp.communities.models import Community
from msidp.db import reading, transaction
from msidp.languages import Language

bp = AdminBlueprint("community", __name__, url_prefix="/community")
TAGS = ["branding"]


Origin = Annotated[str, AfterValidator(origins.read), Field(max_length=300)]
Origins = Annotated[
    list[Origin],
    Field(
        max_length=origins.MOST,
        description="Whose pages may call the Client API, e.g. `https://www.example.com`. Empty: all.",
    ),
]


class CommunityChanges(Schema):
    name: Annotated[Name, Field(description="As every page shows it.")] = left_out()
    language: Annotated[Language, Field(description="Of pages and mails where nothing else tells.")] = (
        left_out()
    )
    allowed_origins: Origins = left_out()


class CommunityAnswer(Answer):
    id: str
    app_id: str
    public_key: str
    name: str
    language: Language
    allowed_origins: list[str]


@bp.get("")
@api.validate(resp=answers(Data[CommunityAnswer]), tags=TAGS)
def show() -> dict[str, Any]:
    """Retrieve the community: its ids, its public key, its name, language and allowed origins."""
    with reading() as session:
        return _answer(service.get(session, caller().community_id))


@bp.patch("")
@api.validate(resp=answers(Data[CommunityAnswer]), tags=TAGS)
def change(json: CommunityChanges) -> dict[str, Any]:
    """Change its name, its language, or whose pages may call the Client API.

    Its pages show a change within half a minute; origins count at once.
    """
    changes = given(json)
    with transaction() as session:
        if "name" in changes:
            service.rename(session, caller().community_id, json.name)
        if "language" in changes:
            service.speak(session, caller().community_id, json.language)
        if "allowed_origins" in changes:
            service.allow_origins(session, caller().community_id, json.allowed_origins)
        details = {"fields": sorted(changes)}
        audit.record(session, key_holder(), "community.updated", caller().community_id, details)
        answer = _answer(service.get(session, caller().community_id))
    current.forget()
    return answer


def _answer(community: Community) -> dict[str, Any]:
    return {"data": CommunityAnswer.model_validate(community).model_dump(by_alias=True)}
