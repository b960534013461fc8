"""`msidp trigger EVENT`: makes a real event of any type happen, to see what receivers make of it.

What applications publish is published, with the example of its type. What msidp raises itself is made to
happen, to a member made for it, `sample-…@example.com`, who is deleted again.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import click

from msidp.cli.common import Refused, printable
from msidp.cli.remote import API_KEY, URL, Api, call, connect

MARK = {"sample": True, "madeBy": "msidp trigger"}

Steps = Callable[["Sample"], None]


@click.command()
@click.argument("event", required=False)
@click.option("--data", metavar="JSON", help="The data to publish, in place of the type's example.")
@click.option("--list", "list_types", is_flag=True, help="List the types.")
@click.option("--keep", is_flag=True, help="Leave the sample member there.")
@URL
@API_KEY
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def trigger(
    event: str | None, data: str | None, list_types: bool, keep: bool, url: str | None, api_key: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Make an event happen: EVENT is any type of any dialect, or one of your own.

    Events of msidp's own happen to a sample member, with what that entails: member.updated needs a
    member.created before it and a member.deleted after it.
    """
    with connect(url, api_key) as api:
        if list_types or event is None:
            _list(api, as_json)
            return
        given = _read_data(data)
        if event in _RAISED:
            if given is not None:
                raise click.UsageError(f"msidp raises {event} itself; there is no --data to give.")
            happened = _raise(api, event, keep)
        else:
            happened = [_publish(api, event, given)]
    _tell(event, happened, as_json)


class Sample:
    """A member made for the occasion, clearly marked, and a plan where one is needed."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.plan_id: str | None = None
        body = {"email": f"sample-{secrets.token_hex(4)}@example.com", "metaData": MARK}
        self.id: str = call(api, "POST", "/members", body)["data"]["id"]
        self._path = f"/members/{self.id}"

    def change(self, **fields: Any) -> None:
        """PATCH the member."""
        call(self._api, "PATCH", self._path, fields)

    def join(self) -> None:
        """Put the member on a plan."""
        self.plan_id = call(self._api, "POST", "/plans", {"name": "Sample plan"})["data"]["id"]
        call(self._api, "POST", f"{self._path}/add-plan", {"planId": self.plan_id})

    def leave(self) -> None:
        """Take the member off the plan."""
        call(self._api, "POST", f"{self._path}/remove-plan", {"planId": self.plan_id})

    def set_status(self, status: str) -> None:
        """Change the status of the plan connection."""
        (connection,) = call(self._api, "GET", self._path)["data"]["planConnections"]
        call(self._api, "PATCH", f"{self._path}/plans/{connection['id']}", {"status": status})

    def events(self) -> list[dict[str, Any]]:
        """What happened to the member so far."""
        found: list[dict[str, Any]] = call(self._api, "GET", f"{self._path}/events")["data"]
        return found

    def remove(self) -> dict[str, Any]:
        """Delete the member and the plan; the event of that."""
        call(self._api, "DELETE", self._path)
        if self.plan_id is not None:
            call(self._api, "DELETE", f"/plans/{self.plan_id}")
        recent = call(self._api, "GET", "/events?type=member.deleted&order=DESC&first=100")["data"]
        return next(each for each in recent if each["memberId"] == self.id)


def _created(_sample: Sample) -> None:
    """The making was it."""


def _canceled(sample: Sample) -> None:
    sample.join()
    sample.leave()


def _changed(sample: Sample) -> None:
    sample.join()
    sample.set_status("TRIALING")


def _renewed(sample: Sample) -> None:
    sample.join()
    sample.set_status("REQUIRES_PAYMENT")
    sample.set_status("ACTIVE")


_RAISED: Mapping[str, tuple[str, Steps]] = {
    "member.created": ("member.created", _created),
    "member.joined": ("member.created", _created),
    "member.updated": ("member.updated", lambda sample: sample.change(customFields={"sample": "changed"})),
    "member.deleted": ("member.deleted", _created),
    "member.left": ("member.deleted", _created),
    "member.role_changed": ("member.role_changed", lambda sample: sample.change(role="sample")),
    "member.plan.created": ("member.plan.created", Sample.join),
    "member.plan.added": ("member.plan.created", Sample.join),
    "subscription.created": ("member.plan.created", Sample.join),
    "member.plan.canceled": ("member.plan.canceled", _canceled),
    "subscription.cancelled": ("member.plan.canceled", _canceled),
    "member.plan.updated": ("member.plan.updated", _changed),
    "subscription.plan_changed": ("member.plan.updated", _changed),
    "subscription.renewed": ("member.plan.updated", _renewed),
}
"""By any name it goes by: as what it is recorded, and how it is made to happen."""


def _raise(api: Api, event: str, keep: bool) -> list[dict[str, Any]]:
    """Make it happen; everything that did, the wanted event first."""
    recorded_as, steps = _RAISED[event]
    sample = Sample(api)
    try:
        steps(sample)
        happened = sample.events()
    finally:
        if not keep or recorded_as == "member.deleted":
            removed = sample.remove()
            keep = False
    if not keep:
        happened = [*happened, removed]
    wanted = next(each for each in reversed(happened) if each["type"] == recorded_as)
    return [wanted, *(each for each in happened if each is not wanted)]


def _publish(api: Api, event: str, given: dict[str, Any] | None) -> dict[str, Any]:
    """Publish it, with the example of its type unless there is better."""
    data = given
    if data is None:
        described = _described(api, event)
        data = described["examples"].get("standard", {}).get("data", {})
    published: dict[str, Any] = call(api, "POST", "/events", {"event": event, "data": data})["data"]
    return published


def _described(api: Api, event: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = call(api, "GET", f"/event-types/{event}")["data"]
    except Refused as error:
        if error.code == "event-type-not-found":
            raise click.ClickException(
                f"{error.message} msidp trigger --list shows those there are."
            ) from None
        raise
    return found


def _read_data(data: str | None) -> dict[str, Any] | None:
    if data is None:
        return None
    try:
        found = json.loads(data)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--data") from None
    if not isinstance(found, dict):
        raise click.BadParameter("must be a JSON object", param_hint="--data")
    return found


def _tell(event: str, happened: list[dict[str, Any]], as_json: bool) -> None:
    wanted, *others = happened
    if as_json:
        also = [{"id": each["id"], "type": each["type"]} for each in others]
        told = {"event": event, "id": wanted["id"], "memberId": wanted["memberId"], "also": also}
        click.echo(json.dumps(told))
        return
    click.echo(f"✓ {event}  {wanted['id']}")
    for each in others:
        click.echo(f"  also {each['type']}  {each['id']}")


def _list(api: Api, as_json: bool) -> None:
    types: list[dict[str, Any]] = []
    page: dict[str, Any] = {"hasNextPage": True, "endCursor": 0}
    while page["hasNextPage"]:
        page = call(api, "GET", f"/event-types?first=100&after={page['endCursor']}")
        types += page["data"]
    if as_json:
        click.echo(json.dumps(types, ensure_ascii=False))
        return
    width = max(len(each["name"]) for each in types)
    for each in types:
        click.echo(
            f"{each['name']:<{width}}  {', '.join(each['dialects']):<21}  {printable(each['description'])}"
        )
