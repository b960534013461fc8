"""Settings as they may be seen: secrets hidden, passwords taken out of addresses."""

import re
from typing import Any

_PASSWORD = re.compile(r"(://[^/@\s]*:)[^@/\s]*@")


def shown(value: Any) -> str:
    """A setting's value, or a message that may quote one."""
    if isinstance(value, tuple):
        return ",".join(shown(part) for part in value)
    if hasattr(value, "get_secret_value"):
        return "(hidden)"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else _PASSWORD.sub(r"\1(hidden)@", str(value))
