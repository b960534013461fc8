"""Each test has an application of its own; what is compiled for its URLs and templates is the same each time.

Compiling is nearly all of making an application, and of showing its first pages.
"""

from collections.abc import Callable
from types import CodeType
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule


def compile_once() -> None:
    """Keep what this process compiles, for the applications that follow."""
    _share_rules()
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Templates()}


class Templates(BytecodeCache):
    """Compiled templates, by name and text."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._kept[bucket.key, bucket.checksum] = bucket.code


def _share_rules() -> None:
    """Rules that read alike are compiled alike, and nobody changes what came of it."""
    compiled: dict[tuple[object, ...], dict[str, Any]] = {}
    compile_rule: Callable[[Rule], None] = Rule.compile
    shared = ("_parts", "_trace", "_converters", "arguments")
    bound = ("_build", "_build_unknown")

    def compile_or_share(rule: Rule) -> None:
        key = (rule.rule, rule.host, rule.subdomain, rule.merge_slashes, repr(rule.defaults))
        if key not in compiled:
            compile_rule(rule)
            compiled[key] = {name: getattr(rule, name) for name in shared}
            compiled[key] |= {name: getattr(rule, name).__func__ for name in bound}
            return
        for name in shared:
            setattr(rule, name, compiled[key][name])
        for name in bound:
            setattr(rule, name, compiled[key][name].__get__(rule, None))

    Rule.compile = compile_or_share  # type: ignore[method-assign]  # no other seam
