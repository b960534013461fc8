"""JSON exactly as JavaScript writes it: `dumps(value)` equals `JSON.stringify(JSON.parse(text))`.

Receivers that re-serialise a webhook's body before they check its signature (Memberstack's own admin
package does) agree with ours only when every byte does: key order, number form, escapes
(ECMA-262, Number::toString and SerializeJSONProperty).
"""

import json
import math
import re
from json.encoder import encode_basestring
from typing import Any, NoReturn

_ARRAY_INDEX = re.compile(r"(?:0|[1-9][0-9]{0,9})\Z")
_MAX_ARRAY_INDEX = 2**32 - 2
_MAX_SAFE_INTEGER = 2**53
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_DEPTH = 100
_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode
_PECULIAR = re.compile(
    # A key that JavaScript moves, a number that it may write otherwise, half of a surrogate pair. Some text
    # only looks like one of them, which costs a little time and changes nothing.
    r'"(?:0|[1-9][0-9]{0,9})":|(?:^|":|[,\[])-?[0-9]+(?:[.e]|(?<=[0-9]{16}))|[\ud800-\udfff]'
)


def dumps(value: Any) -> str:
    """Serialise a JSON value (dict, list, str, int, float, bool, None) as JavaScript would.

    Raises ValueError for a number that is not finite and for nesting deeper than 100.
    """
    text = _dumps_plain(value)
    if text is not None:
        return text
    parts: list[str] = []
    _write(value, parts, _MAX_DEPTH)
    return "".join(parts)


def _dumps_plain(value: Any) -> str | None:
    """Python's own form, four times as fast, where JavaScript's is the same; None where it may differ."""
    try:
        text = _encode(value)
    except (ValueError, TypeError, RecursionError):
        return None
    if text.count("{") + text.count("[") > _MAX_DEPTH or _PECULIAR.search(text):
        return None
    return text


def loads(text: str | bytes) -> Any:
    """Read JSON, refusing what a database or JavaScript cannot hold.

    Raises ValueError for broken JSON, NaN, Infinity, 1e400, NUL, lone surrogates and nesting
    deeper than 100.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    check(value)
    return value


def check(value: Any, depth: int = _MAX_DEPTH) -> None:
    """Refuse a value that cannot be stored or sent. Raises ValueError and says why."""
    if depth < 0:
        raise ValueError(f"nested deeper than {_MAX_DEPTH}")
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key)
            check(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            check(item, depth - 1)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        _to_double(value)


def check_text(text: str) -> None:
    """Refuse NUL (PostgreSQL cannot hold it) and lone surrogates (UTF-8 cannot). Raises ValueError."""
    if "\0" in text:
        raise ValueError("a NUL character")
    if _SURROGATE.search(text):
        raise ValueError("half of a surrogate pair")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _to_double(value: int | float) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("a number too large for JSON") from None
    if not math.isfinite(number):
        raise ValueError("a number too large for JSON")
    return number


def _write(value: Any, parts: list[str], depth: int) -> None:
    if depth < 0:
        raise ValueError(f"nested deeper than {_MAX_DEPTH}")
    if isinstance(value, str):
        parts.append(_string(value))
    elif value is None:
        parts.append("null")
    elif value is True:
        parts.append("true")
    elif value is False:
        parts.append("false")
    elif isinstance(value, (int, float)):
        parts.append(number_text(value))
    elif isinstance(value, dict):
        _write_object(value, parts, depth)
    elif isinstance(value, (list, tuple)):
        _write_array(value, parts, depth)
    else:
        raise TypeError(f"{type(value).__name__} is not a JSON value")


def _write_object(value: dict[str, Any], parts: list[str], depth: int) -> None:
    opening = "{"
    for key in _javascript_key_order(value):
        parts.append(opening)
        parts.append(_string(key))
        parts.append(":")
        _write(value[key], parts, depth - 1)
        opening = ","
    parts.append("{}" if opening == "{" else "}")


def _write_array(value: list[Any] | tuple[Any, ...], parts: list[str], depth: int) -> None:
    opening = "["
    for item in value:
        parts.append(opening)
        _write(item, parts, depth - 1)
        opening = ","
    parts.append("[]" if opening == "[" else "]")


def _javascript_key_order(value: dict[str, Any]) -> list[str]:
    """Array indexes first, ascending, then the rest as inserted (ECMA-262, OrdinaryOwnPropertyKeys)."""
    indexes = [key for key in value if _ARRAY_INDEX.match(key) and int(key) <= _MAX_ARRAY_INDEX]
    if not indexes:
        return list(value)
    taken = set(indexes)
    return sorted(indexes, key=int) + [key for key in value if key not in taken]


def _string(text: str) -> str:
    quoted = encode_basestring(text)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def number_text(value: int | float) -> str:
    """A number in JavaScript's form (ECMA-262, Number::toString): `1`, `1.5`, `1e+21`, `1e-7`."""
    if isinstance(value, int) and -_MAX_SAFE_INTEGER <= value <= _MAX_SAFE_INTEGER:
        return str(value)
    number = _to_double(value)
    if number == 0:
        return "0"
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = int(exponent or 0) + len(whole) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return ("-" if number < 0 else "") + _place_point(digits, point)


def _place_point(digits: str, point: int) -> str:
    """Write 0.<digits> times 10^point."""
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = point - 1
    sign = "+" if exponent > 0 else "-"
    fraction = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{fraction}e{sign}{abs(exponent)}"
