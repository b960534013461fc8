"""What the Admin API takes and gives for jobs."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from msidp.api import Answer, JsonObject, Schema, Text
from msidp.bulk.members import MOST_NAMED
from msidp.members.readers import Source
from msidp.webhooks.schemas import DeliveryStatus, MemberId, When

Id = Annotated[Text, Field(max_length=100)]
Ids = Annotated[
    list[Id] | None, Field(min_length=1, max_length=MOST_NAMED, description="These, and no others.")
]


class BulkMembers(Schema):
    action: Literal["logOut", "addPlan", "removePlan", "delete"]
    ids: Ids = None
    search: Annotated[
        Annotated[Text, Field(max_length=320)] | None,
        Field(description="All whose address begins like this; empty: every member."),
    ] = None
    plan_id: Annotated[Id | None, Field(description="For addPlan and removePlan.")] = None

    @model_validator(mode="after")
    def _check(self) -> "BulkMembers":
        if (self.ids is None) == (self.search is None):
            raise ValueError("name the members by ids, or find them by search")
        if (self.plan_id is not None) != self.action.endswith("Plan"):
            raise ValueError("planId goes with addPlan and removePlan")
        return self


class BulkRetry(Schema):
    """Without `ids`: every failed or exhausted delivery that fits the filter."""

    ids: Ids = None
    webhook: Id | None = None
    status: DeliveryStatus | None = None
    type: Id | None = None
    since: Annotated[When | None, Field(description="Made at this moment or later.")] = None
    until: Annotated[When | None, Field(description="Made at this moment or before.")] = None
    event: Annotated[Id | None, Field(description="Of this event.")] = None
    member: Annotated[MemberId | None, Field(description="Of events about this member, by id.")] = None


class ImportFile(Schema):
    """A file of members. It is tried first, as a job that makes nobody."""

    source: Source
    content: Annotated[Text, Field(min_length=1, description="The file's text, 10 MB at most.")]
    hash_parameters: Annotated[
        JsonObject | None, Field(description="Firebase: base64_signer_key, base64_salt_separator, rounds, …")
    ] = None


class JobProblem(Answer):
    subject: Annotated[str, Field(description="The member's or delivery's id, or the line of the file.")]
    message: str


class Job(Answer):
    id: str
    kind: Literal["members.change", "members.import", "deliveries.retry"]
    state: Literal["running", "completed", "canceled"]
    progress: Annotated[float, Field(description="From 0 to 1.")]
    examined: int
    changed: int
    unchanged: Annotated[int, Field(description="Where there was nothing to do.")]
    failed: int
    problems: Annotated[list[JobProblem], Field(description="The first 100 of those that failed.")]
    created_at: str
    finished_at: str | None
