"""The catalogues: complete, up to date, and written as each language is written."""

import re

import pytest
from babel.messages.catalog import Catalog, Message
from tools import messages

from msidp import languages

OTHERS = languages.LANGUAGES[1:]
PLACEHOLDER = re.compile(r"%\(\w+\)[ds]|%[^(]|</?\w+[^>]*>")  # also the elements: what is marked stays marked
HOW = "run `make messages`, translate what is empty in src/msidp/translations, and run it again"


def texts(language: str) -> list[Message]:
    return [message for message in messages.read(language) if message.id]


def forms(message: Message) -> list[tuple[str, str]]:
    """Each translation, beside the text it is of. Of plurals the last form is beside the English one."""
    if not message.pluralizable:
        return [(message.id, message.string)]
    return [(message.id[min(number, 1)], string) for number, string in enumerate(message.string)]


@pytest.fixture(scope="module")
def collected() -> Catalog:
    return messages.collect()


def test_the_texts_are_those_of_the_code(collected: Catalog) -> None:
    found = messages.template(collected)
    assert (languages.DIRECTORY / "messages.pot").read_bytes() == found, HOW
    assert found.count(b"msgid ") > 300


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_is_complete_and_current(language: str, collected: Catalog) -> None:
    file = messages.po_file(language)
    assert file.read_bytes() == messages.written(messages.updated(language, collected)), HOW
    assert file.with_suffix(".mo").read_bytes() == messages.compiled(messages.read(language)), HOW
    assert b"#, fuzzy" not in file.read_bytes()
    for message in texts(language):
        for _, string in forms(message):
            assert string.strip(), (message.id, HOW)


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_what_is_filled_in_and_break_no_page(language: str) -> None:
    for message in texts(language):
        whole = "".join(message.id) if message.pluralizable else message.id
        for original, string in forms(message):
            left, right = (sorted(PLACEHOLDER.findall(text)) for text in (original, string))
            assert left == right, string
            rest = PLACEHOLDER.sub("", string)
            assert not set(rest) & set('"<>&'), string  # they stand in attributes as they are
            assert string == string.strip(), string
            assert whole[-1:] not in ".?:" or string[-1] == original[-1], string


def test_no_language_is_another_one() -> None:
    said = {language: {text.id: text.string for text in texts(language)} for language in OTHERS}
    for text, german in said["de"].items():
        for language in ("fr", "es"):
            alike = said[language][text] == german and german != text  # a name may be the same everywhere
            assert not alike or text in ("Photo", "Profile"), (language, text)  # one word in both
    for language in OTHERS:
        left = {text for text, string in said[language].items() if text == string and len(str(text)) > 12}
        assert left == set(), language


def test_each_language_is_written_as_it_is() -> None:
    for language in OTHERS:
        for message in texts(language):
            for _, string in forms(message):
                words = re.sub(r"<[^>]*>|https?://", "", string)
                assert "'" not in words, string
                if language == "fr":
                    assert not re.search(r"[^\u202f\u00a0][?!;]|[^\u00a0]:", words), string
                if language == "es":
                    assert words.count("?") == words.count("¿"), string
                    assert not re.search(r"\b(usted|ustedes)\b", words, re.IGNORECASE), string
                if language == "de":
                    assert not re.search(r"\b(du|dich|dir|deine?[mnrs]?)\b", words, re.IGNORECASE), string
