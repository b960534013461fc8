"""Collects the texts of pages and mails that are to be translated, and compiles the translations.

    make messages

Texts are what stands in `words()` and `counted()` (msidp.words) in the code, in `_()` and `{% trans %}` in the
templates. They become `messages.pot`; each language's `messages.po` gets those that are new, empty, and loses
those that are gone; `messages.mo` is what the server reads. tests/test_translations.py fails while one of them
is not up to date, or not complete.
"""

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from msidp import languages

PACKAGE = Path(languages.__file__).parent
METHODS = [
    ("templates/dashboard/**", "ignore"),
    ("templates/apidocs/**", "ignore"),
    ("templates/**.html", "jinja2"),
    ("templates/**.jinja", "jinja2"),
    ("**.py", "python"),
]
OPTIONS = {
    "**.html": {"trimmed": "true", "silent": "false"},
    "**.jinja": {"trimmed": "true", "silent": "false"},
}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "words": None, "counted": (1, 2)}


def collect() -> Catalog:
    """The texts, and the files they are in; line numbers would change all the time."""
    found = Catalog(project="msidp", charset="utf-8")
    texts = extract_from_dir(PACKAGE, METHODS, OPTIONS, KEYWORDS, comment_tags=("translators:",))
    for filename, _, text, comments, context in texts:
        found.add(text, None, [(filename, 1)], auto_comments=comments, context=context)
    return found


def po_file(language: str) -> Path:
    """Where the translations of a language are."""
    return languages.DIRECTORY / language / "LC_MESSAGES" / "messages.po"


def read(language: str) -> Catalog:
    """The translations of a language, as they are; none yet for a new one."""
    path = po_file(language)
    if path.exists():
        return read_po(io.BytesIO(path.read_bytes()), locale=language)
    return Catalog(language, project="msidp", charset="utf-8", fuzzy=False)


def updated(language: str, texts: Catalog) -> Catalog:
    """The translations for these texts: what is new is empty, what is gone is left out."""
    found = read(language)
    found.update(texts, no_fuzzy_matching=True)
    found.obsolete.clear()
    return found


def written(catalog: Catalog) -> bytes:
    """A catalogue as a file. Its header says what programs need, and nothing that changes by itself."""
    file = io.BytesIO()
    write_po(file, catalog, width=110, include_lineno=False, omit_header=True, sort_output=True)
    header = [
        f"Language: {catalog.locale}",
        f"Plural-Forms: {catalog.plural_forms}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    ]
    lines = "".join(f'"{line}\\n"\n' for line in header)
    return f'msgid ""\nmsgstr ""\n{lines}\n'.encode() + file.getvalue()


def template(texts: Catalog) -> bytes:
    """The texts alone, for a new language."""
    file = io.BytesIO()
    write_po(file, texts, width=110, include_lineno=False, omit_header=True, sort_output=True)
    return file.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """A catalogue as the server reads it."""
    file = io.BytesIO()
    catalog.creation_date = catalog.revision_date = datetime.fromtimestamp(
        0, UTC
    )  # or it is another each time
    write_mo(file, catalog)
    return file.getvalue()


def main() -> None:
    """Write every file anew."""
    texts = collect()
    (languages.DIRECTORY / "messages.pot").write_bytes(template(texts))
    for language in languages.LANGUAGES[1:]:
        catalog = updated(language, texts)
        path = po_file(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(catalog))
        path.with_suffix(".mo").write_bytes(compiled(read(language)))
        left = sum(not all(one.string if one.pluralizable else [one.string]) for one in catalog if one.id)
        print(f"{language}: {len(catalog)} texts, {left} not translated")  # noqa: T201  # what make messages says


if __name__ == "__main__":
    main()
