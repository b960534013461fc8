"""Each test has an application of its own; what werkzeug compiles for its URLs is the same each time."""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule


def compile_builders_once() -> None:
    """Keep the compiled URL builders, by rule: they are the larger part of making an application.

    A builder takes its rule as an argument, so rules that read alike can share one.
    """
    compiled: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}
    compile_builder = Rule._compile_builder

    def remembered(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        defaults: dict[str, Any] = dict(rule.defaults or {})
        key = (tuple(rule._trace), repr(sorted(defaults.items())), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    Rule._compile_builder = remembered  # type: ignore[method-assign]  # no other seam
