"""What other systems' exports are like, and ours: each file as records in the shape of `POST /members`, with
`passwordHash` beside it (see `vault.foreign` for its forms).
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

from msidp import canonical
from msidp.exports import plain_cell

Record = dict[str, Any]
Source = Literal["csv", "msidp", "auth0", "firebase", "django", "memberstack"]
READ_ONLY = ("id", "createdAt", "lastLogin")  # what a record tells and nobody can set


def read(source: str, text: str, options: dict[str, Any]) -> Iterator[tuple[int, Record]]:
    """The records of a file, each with the line it stands on (in a JSON array: its number), from 1.

    `source` is a Source. Raises ValueError, which says where the file cannot be read.
    """
    rows, convert = READERS[source]
    for number, row in rows(text):
        yield number, convert(row, options)


def _own(row: Record, _options: dict[str, Any]) -> Record:
    return row


def _table(row: Record, _options: dict[str, Any]) -> Record:
    """A CSV of ours, or of anybody: columns that a member has by these names, the others custom fields."""
    cells = {name.casefold(): plain_cell(cell) for name, cell in row.items() if name and cell}
    spelled = {name.casefold(): name for name in row if name}
    found: Record = {"email": cells.pop("email", "")}
    found["verified"] = cells.pop("verified", "").casefold() in ("true", "yes", "1")
    for name in READ_ONLY:
        cells.pop(name.casefold(), None)
    names = [cells.pop("profile.name", ""), cells.pop("name", "")]
    for column in ("role", "loginRedirect", "passwordHash"):
        if cell := cells.pop(column.casefold(), ""):
            found[column] = cell
    for column in ("profile", "customFields", "metaData", "json", "plans"):
        if cell := cells.pop(column.casefold(), ""):
            found[column] = _json_or_text(cell)
    full_name = next(filter(None, names), None)
    if full_name:
        found["profile"] = _merged({"name": full_name}, found.get("profile", {}))
    if cells:
        more = {spelled[name]: cell for name, cell in cells.items()}
        found["customFields"] = _merged(more, found.get("customFields", {}))
    return found


def _merged(one: Record, other: Any) -> Any:
    """Both; what is no object stays as it is, and is refused later."""
    return {**one, **other} if isinstance(other, dict) else other


def _json_or_text(cell: str) -> Any:
    """The JSON in a cell; what is none stays text, and is refused later."""
    try:
        return canonical.loads(cell.encode())
    except ValueError:
        return cell


def _auth0(user: Record, _options: dict[str, Any]) -> Record:
    """Auth0's bulk export, `password_hash` or `passwordHash` among its fields where it was asked for."""
    return {
        "email": user.get("email"),
        "verified": user.get("email_verified") is True,
        "profile": _profile(user, "name", "given_name", "family_name", "nickname", "picture"),
        "metaData": _known({"auth0Id": user.get("user_id")}),
        "customFields": user.get("user_metadata") or {},
        "passwordHash": user.get("passwordHash") or user.get("password_hash"),
    }


def _firebase(user: Record, options: dict[str, Any]) -> Record:
    """`firebase auth:export`; `options` are the project's hash parameters, as its console shows them."""
    hashed, salt = user.get("passwordHash"), user.get("salt")
    if hashed and salt:
        try:
            rounds, memory = options["rounds"], options["mem_cost"]
            parts = (rounds, memory, options["base64_salt_separator"], options["base64_signer_key"])
        except KeyError as missing:
            raise ValueError(f"the hash parameters lack {missing}") from None
        plain = (str(part).replace("-", "+").replace("_", "/") for part in (salt, hashed))
        hashed = "$".join(map(str, ("firebase-scrypt", *parts, *plain)))
    return {
        "email": user.get("email"),
        "verified": user.get("emailVerified") is True,
        "profile": _known({"name": user.get("displayName"), "picture": user.get("photoUrl")}),
        "metaData": _known({"firebaseId": user.get("localId")}),
        "passwordHash": hashed or None,
    }


def _django(row: Record, _options: dict[str, Any]) -> Record:
    """`manage.py dumpdata auth.user`."""
    fields = row.get("fields")
    user = fields if isinstance(fields, dict) else {}
    names = [user.get("first_name"), user.get("last_name")]
    hashed = str(user.get("password") or "").removeprefix("argon2")
    return {
        "email": user.get("email"),
        "profile": _known(
            {
                "name": " ".join(str(name) for name in names if name),
                "given_name": names[0],
                "family_name": names[1],
                "preferred_username": user.get("username"),
            }
        ),
        "passwordHash": None if not hashed or hashed.startswith("!") else hashed,  # `!`: none that is usable
    }


def _memberstack(row: Record, _options: dict[str, Any]) -> Record:
    """Memberstack's CSV. Its export holds no passwords; its own columns apart, all become custom fields."""
    given = {name.strip(): value.strip() for name, value in row.items() if name and value}
    by_name = {name.casefold(): name for name in given}
    email, id_ = (given.pop(by_name[name], "") if name in by_name else "" for name in ("email", "member id"))
    for name in ("created at", "last login", "verified"):
        given.pop(by_name.get(name, ""), None)
    fields = {name: value for name, value in given.items() if name}
    return {"email": email, "customFields": fields, "metaData": _known({"memberstackId": id_})}


def _json_rows(text: str) -> Iterator[tuple[int, Record]]:
    """The objects of a JSON array, of `{"users": […]}`, or of lines. Raises ValueError."""
    stripped = text.lstrip("\ufeff \t\r\n")
    try:
        found = json.loads(stripped)
    except json.JSONDecodeError:
        yield from _json_lines(text)
        return
    if isinstance(found, dict):
        found = found.get("users", [found])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError("the file holds no list of members")
    yield from enumerate(found, start=1)


def _json_lines(text: str) -> Iterator[tuple[int, Record]]:
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), start=1):
        if line.strip():
            try:
                found = canonical.loads(line.encode())
            except ValueError as error:
                raise ValueError(f"line {number} is not JSON: {error}") from None
            if not isinstance(found, dict):
                raise ValueError(f"line {number} holds no object")
            yield number, found


def _csv_rows(text: str) -> Iterator[tuple[int, Record]]:
    """The rows of a CSV with a header. Raises ValueError."""
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline=""), strict=True)
    try:
        if not any((name or "").strip().casefold() == "email" for name in reader.fieldnames or ()):
            raise ValueError("the first line names no column email")
        for row in reader:
            yield reader.line_num, {name: cell for name, cell in row.items() if isinstance(cell, str)}
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} is no CSV: {error}") from None


Rows = Callable[[str], Iterator[tuple[int, Record]]]
READERS: dict[str, tuple[Rows, Callable[[Record, dict[str, Any]], Record]]] = {
    "msidp": (_json_rows, _own),
    "csv": (_csv_rows, _table),
    "auth0": (_json_rows, _auth0),
    "firebase": (_json_rows, _firebase),
    "django": (_json_rows, _django),
    "memberstack": (_csv_rows, _memberstack),
}


def _profile(user: Record, *names: str) -> dict[str, Any]:
    return _known({name: user.get(name) for name in names})


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
