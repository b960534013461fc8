"""What happens to members, and what is recorded of it."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from msidp import db
from msidp.errors import Conflict, Invalid, NotFound
from msidp.members import connections, service, views
from msidp.members.models import Member
from msidp.plans.models import Plan, Price
from msidp.webhooks.models import Event


def make(community_id: str, email: str = "ann@example.com", **fields: Any) -> str:
    with db.transaction() as session:
        return service.create_member(session, community_id, email=email, **fields).id


def make_plan(community_id: str, name: str, amount: float | None = None) -> str:
    with db.transaction() as session:
        plan = Plan(id=f"pln_{name}", community_id=community_id, name=name, created_at=0)
        if amount is not None:
            plan.prices.append(Price(id=f"prc_{name}", amount=amount, currency="usd", type="SUBSCRIPTION"))
        session.add(plan)
        session.flush()
        return plan.id


def events() -> list[tuple[str, dict[str, Any]]]:
    """Every recorded event, and afterwards none."""
    with db.transaction() as session:
        found = list(session.scalars(select(Event).order_by(Event.seq)))
        for event in found:
            session.delete(event)
        return [(event.type, event.data or {}) for event in found]


def update(community_id: str, member_id: str, **changes: Any) -> dict[str, Any]:
    with db.transaction() as session:
        member = service.update_member(session, community_id, member_id, service.MemberChanges(**changes))
        return views.member_json(member, include_json=True)


def stored(member_id: str) -> dict[str, Any]:
    with db.reading() as session:
        member = session.scalars(select(Member).where(Member.id == member_id)).one()
        return views.member_json(member, include_json=True)


def test_a_new_member_has_memberstacks_shape(community_id: str) -> None:
    member_id = make(
        community_id, json={"a": [1]}, profile={"name": "Ann", "picture": "https://p", "zoneinfo": None}
    )
    view = stored(member_id)
    created_at = view.pop("createdAt")
    assert created_at.endswith("Z")
    assert view == {
        "id": member_id,
        "auth": {"email": "ann@example.com", "hasPassword": False, "providers": []},
        "verified": False,
        "role": "member",
        "profile": {"name": "Ann", "picture": "https://p"},
        "profileImage": "https://p",
        "loginRedirect": None,
        "stripeCustomerId": None,
        "lastLogin": None,
        "metaData": {},
        "customFields": {},
        "permissions": [],
        "planConnections": [],
        "json": {"a": [1]},
        "teams": {"joinedTeams": [], "ownedTeams": []},
    }


def test_creation_is_recorded_with_the_member_and_each_plan(community_id: str) -> None:
    plans = [make_plan(community_id, "gold"), make_plan(community_id, "blue")]
    member_id = make(community_id, plan_ids=[*plans, plans[0]], json={"secret": 1})
    created, *joined = events()
    view = stored(member_id)
    view.pop("json")
    assert created == ("member.created", {"member": view, "displayName": "ann", "planName": "gold"})
    assert [plan["planId"] for plan in view["planConnections"]] == plans
    assert [
        (type_, data["planName"], data["planConnection"]) for type_, data in joined
    ] == [
        ("member.plan.created", "gold", view["planConnections"][0]),
        ("member.plan.created", "blue", view["planConnections"][1]),
    ]  # fmt: skip


@pytest.mark.parametrize("email", ["ANN@example.com", "ann@EXAMPLE.com"])
def test_an_address_is_taken_however_it_is_written(community_id: str, email: str) -> None:
    make(community_id)
    with pytest.raises(Conflict, match="already"):
        make(community_id, email)
    assert [type_ for type_, _ in events()] == ["member.created"]


def test_a_taken_address_leaves_the_transaction_usable(community_id: str) -> None:
    make(community_id)
    with db.transaction() as session:
        with pytest.raises(Conflict):
            service.create_member(session, community_id, email="ann@example.com")
        service.create_member(session, community_id, email="bob@example.com")
    with db.reading() as session:
        assert service.find_by_email(session, community_id, "bob@example.com") is not None


def test_members_are_found_by_id_and_by_address(community_id: str) -> None:
    member_id = make(community_id, "Jörg@münchen.de")
    with db.reading() as session:
        for known in (member_id, "jörg@münchen.de", "jo\u0308rg@xn--mnchen-3ya.de"):
            found = service.find(session, community_id, known)
            assert found is not None
            assert found.id == member_id
        for unknown in ("mem_nobody", "jorg@münchen.de", "not an address@", ""):
            assert service.find(session, community_id, unknown) is None
        assert service.find(session, "another community", member_id) is None
        with pytest.raises(NotFound):
            service.get_member(session, community_id, "mem_nobody")


def test_objects_are_merged_and_json_is_replaced(community_id: str) -> None:
    member_id = make(
        community_id,
        custom_fields={"a": 1, "b": {"x": 1, "y": 2}},
        meta_data={"m": 1},
        json={"old": True},
        profile={"name": "Ann", "locale": "de"},
    )
    update(
        community_id, member_id, custom_fields={"b": {"x": 9}, "c": None}, meta_data={"n": 2}, json=[1],
        profile={"locale": None, "zoneinfo": "Europe/Berlin"},
    )  # fmt: skip
    view = stored(member_id)
    assert view["customFields"] == {"a": 1, "b": {"x": 9}, "c": None}
    assert view["metaData"] == {"m": 1, "n": 2}
    assert view["json"] == [1]
    assert view["profile"] == {"name": "Ann", "zoneinfo": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"custom_fields": {"a": 2}}, ["customFields.updated"]),
        ({"meta_data": {"a": 2}}, ["metaData.updated"]),
        ({"json": {"a": 2}}, ["json.updated"]),
        ({"verified": True}, ["verified.updated"]),
        ({"login_redirect": "/x"}, ["loginRedirect.updated"]),
        ({"profile": {"name": "Ann"}}, ["profile.updated"]),
        ({"email": "Ann@example.com"}, ["auth.email.updated"]),
        (
            {"email": "b@example.com", "verified": True, "meta_data": {"b": 1}, "custom_fields": {"b": 1}},
            ["auth.email.updated", "verified.updated", "customFields.updated", "metaData.updated"],
        ),
    ],
)
def test_a_change_is_recorded_with_its_reasons(community_id: str, changes, reasons) -> None:
    member_id = make(community_id, custom_fields={"a": 1})
    events()
    view = update(community_id, member_id, **changes)
    view.pop("json")
    assert events() == [
        (
            "member.updated",
            {"member": view, "displayName": name_in(view), "planName": None, "reason": reasons},
        )
    ]


def name_in(view: dict[str, Any]) -> str:
    """The name that events carry for the members of this test."""
    return view["profile"].get("name") or view["auth"]["email"].split("@")[0]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"custom_fields": {}},
        {"custom_fields": {"a": 1}},
        {"email": "ann@example.com"},
        {"verified": False},
        {"json": None},
        {"role": "member"},
        {"login_redirect": None},
        {"profile": {"name": None}},
    ],
)
def test_what_changes_nothing_is_not_recorded(community_id: str, changes) -> None:
    member_id = make(community_id, custom_fields={"a": 1})
    events()
    before = stored(member_id)
    assert update(community_id, member_id, **changes) == before
    assert events() == []


def test_true_and_one_are_two_values(community_id: str) -> None:
    member_id = make(community_id, custom_fields={"a": 1})
    events()
    update(community_id, member_id, custom_fields={"a": True})
    assert stored(member_id)["customFields"]["a"] is True
    assert [data["reason"] for _, data in events()] == [["customFields.updated"]]


def test_a_role_change_is_an_event_of_its_own(community_id: str) -> None:
    member_id = make(community_id)
    events()
    update(community_id, member_id, role="admin")
    [(type_, data)] = events()
    assert type_ == "member.role_changed"
    assert (data["role"], data["previousRole"], data["member"]["role"]) == ("admin", "member", "admin")


def test_a_new_address_has_yet_to_be_verified(community_id: str) -> None:
    member_id = make(community_id, verified=True)
    assert update(community_id, member_id, email="ANN@example.com")["verified"] is True
    events()
    assert update(community_id, member_id, email="b@example.com")["verified"] is False
    assert [data["reason"] for _, data in events()] == [["auth.email.updated", "verified.updated"]]
    assert update(community_id, member_id, email="c@example.com", verified=True)["verified"] is True


def test_an_address_cannot_be_changed_to_one_that_is_taken(community_id: str) -> None:
    make(community_id, "bob@example.com")
    member_id = make(community_id)
    events()
    with pytest.raises(Conflict, match="already"):
        update(community_id, member_id, email="BOB@example.com", verified=True)
    assert stored(member_id)["verified"] is False
    assert events() == []


@pytest.mark.parametrize("field", ["custom_fields", "meta_data", "json"])
def test_objects_do_not_grow_without_end(community_id: str, field: str) -> None:
    member_id = make(community_id, **{field: {"a": "x" * 200_000}})
    with pytest.raises(Invalid, match="256,000"):
        update(community_id, member_id, **{field: {"b": "x" * 256_000}})


def test_a_log_in_is_remembered_without_an_event(community_id: str) -> None:
    member_id = make(community_id)
    events()
    with db.transaction() as session:
        service.record_login(session, service.get_member(session, community_id, member_id))
    assert stored(member_id)["lastLogin"] is not None
    assert events() == []


def test_deleting_takes_everything_along(community_id: str) -> None:
    member_id = make(community_id, plan_ids=[make_plan(community_id, "gold")])
    view = stored(member_id)
    view.pop("json")
    events()
    with db.transaction() as session:
        service.delete_member(session, community_id, member_id)
    assert events() == [("member.deleted", {"member": view, "displayName": "ann", "planName": "gold"})]
    with db.transaction() as session:
        assert session.scalars(select(Member)).all() == []
        assert session.scalars(select(connections.PlanConnection)).all() == []
        with pytest.raises(NotFound):
            service.delete_member(session, community_id, member_id)


class TestConnections:
    """A member on plans."""

    def run(self, community_id: str, member_id: str, action, *arguments: Any) -> Any:
        with db.transaction() as session:
            member = service.lock_member(session, community_id, member_id)
            result = action(session, member, *arguments)
            return result and views.connection_json(result)

    def test_joining_and_leaving_a_free_plan(self, community_id: str) -> None:
        member_id, plan_id = make(community_id), make_plan(community_id, "gold")
        events()
        view = self.run(community_id, member_id, connections.add, plan_id)
        assert view == {
            "id": view["id"], "active": True, "status": "ACTIVE", "planId": plan_id, "planName": "gold",
            "type": "FREE", "payment": None,
        }  # fmt: skip
        assert stored(member_id)["planConnections"] == [view]
        [(type_, data)] = events()
        assert (type_, data["planConnection"], data["member"]["planConnections"]) == (
            "member.plan.created", view, [view],
        )  # fmt: skip
        self.run(community_id, member_id, connections.remove, plan_id)
        assert stored(member_id)["planConnections"] == []
        [(type_, data)] = events()
        assert (type_, data["planConnection"]) == (
            "member.plan.canceled", view | {"active": False, "status": "CANCELED"},
        )  # fmt: skip

    def test_refusals(self, community_id: str) -> None:
        member_id = make(community_id)
        free, paid = make_plan(community_id, "free"), make_plan(community_id, "paid", 10)
        for action, plan_id, error, code in [
            (connections.add, "pln_none", NotFound, "plan-not-found"),
            (connections.add, paid, Invalid, "plan-not-free"),
            (connections.remove, free, NotFound, "plan-not-found"),
            (connections.add, free, None, ""),
            (connections.add, free, Conflict, "already-have-plan"),
        ]:
            if error is None:
                self.run(community_id, member_id, action, plan_id)
                continue
            with pytest.raises(error) as caught:
                self.run(community_id, member_id, action, plan_id)
            assert caught.value.code == code
        view = stored(member_id)["planConnections"][0]
        self.run(community_id, member_id, connections.update, view["id"], {"plan_id": paid})
        with pytest.raises(Invalid, match="price"):
            self.run(community_id, member_id, connections.remove, paid)

    @pytest.mark.parametrize(
        ("first", "changes", "type_", "renewed"),
        [
            ({}, {"status": "CANCELED"}, "member.plan.canceled", None),
            ({}, {"status": "REQUIRES_PAYMENT"}, "member.plan.updated", False),
            ({"status": "REQUIRES_PAYMENT"}, {"status": "ACTIVE"}, "member.plan.updated", True),
            ({"status": "CANCELED"}, {"status": "ACTIVE"}, "member.plan.updated", True),
            ({"status": "CANCELED"}, {"next_billing_at": 5}, "member.plan.updated", True),
            ({}, {"next_billing_at": 2_000}, "member.plan.updated", True),
            ({"next_billing_at": 2_000}, {"next_billing_at": 1_000}, "member.plan.updated", False),
            ({}, {"plan_id": "pln_paid"}, "member.plan.updated", False),
            ({}, {"plan_id": "pln_paid", "next_billing_at": 2_000}, "member.plan.updated", False),
            ({}, {"status": "ACTIVE"}, None, None),
            ({"status": "CANCELED"}, {"status": "CANCELED"}, None, None),
        ],
    )
    def test_changing_a_connection(self, community_id: str, first, changes, type_, renewed) -> None:
        member_id = make(community_id, plan_ids=[make_plan(community_id, "free")])
        make_plan(community_id, "paid", 9.5)
        connection_id = stored(member_id)["planConnections"][0]["id"]
        before = self.run(community_id, member_id, connections.update, connection_id, first)
        events()
        view = self.run(community_id, member_id, connections.update, connection_id, changes)
        assert stored(member_id)["planConnections"] == [view]
        recorded = events()
        assert [found for found, _ in recorded] == ([type_] if type_ else [])
        for _, data in recorded:
            assert data["planConnection"] == view
            assert data.get("renewed") == renewed
            assert data.get("prevPlanConnection") == (None if renewed is None else before)

    def test_a_paid_plan_shows_its_payment(self, community_id: str) -> None:
        member_id = make(community_id, plan_ids=[make_plan(community_id, "free")])
        make_plan(community_id, "paid", 9.5)
        connection_id = stored(member_id)["planConnections"][0]["id"]
        changes = {"plan_id": "pln_paid", "status": "TRIALING", "next_billing_at": 1_786_838_400_500}
        view = self.run(community_id, member_id, connections.update, connection_id, changes)
        assert view == {
            "id": connection_id, "active": True, "status": "TRIALING", "planId": "pln_paid",
            "planName": "paid", "type": "SUBSCRIPTION",
            "payment": {
                "amount": 9.5, "currency": "usd", "status": "UNPAID", "priceId": "prc_paid",
                "lastBillingDate": None, "nextBillingDate": 1_786_838_400, "cancelAtDate": None,
            },
        }  # fmt: skip

    def test_a_member_is_on_a_plan_once(self, community_id: str) -> None:
        first, second = make_plan(community_id, "first"), make_plan(community_id, "second")
        member_id = make(community_id, plan_ids=[first, second])
        one, two = (view["id"] for view in stored(member_id)["planConnections"])
        with pytest.raises(Conflict):
            self.run(community_id, member_id, connections.update, one, {"plan_id": second})
        self.run(community_id, member_id, connections.update, one, {"status": "CANCELED"})
        self.run(community_id, member_id, connections.update, two, {"plan_id": first})
        with pytest.raises(Conflict):
            self.run(community_id, member_id, connections.update, one, {"status": "ACTIVE"})

    def test_unknown_connections(self, community_id: str) -> None:
        member_id = make(community_id, plan_ids=[make_plan(community_id, "gold")])
        other_id = make(community_id, "bob@example.com")
        connection_id = stored(member_id)["planConnections"][0]["id"]
        for holder, known in ((member_id, "con_none"), (other_id, connection_id)):
            with pytest.raises(NotFound):
                self.run(community_id, holder, connections.update, known, {"status": "CANCELED"})


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ({"name": "Ann Lee"}, "Ann Lee"),
        ({"given_name": "Ann", "family_name": "Lee", "nickname": "al"}, "Ann Lee"),
        ({"family_name": "Lee"}, "Lee"),
        ({"nickname": "al"}, "al"),
        ({}, "ann"),
    ],
)
def test_a_members_name(app: Flask, profile, name) -> None:
    assert views.display_name(Member(email="ann@example.com", profile=profile)) == name
