"""Language tags, words that can be said in another language, days and moments."""

import string

from hypothesis import given
from hypothesis import strategies as st

from msidp import clock, languages
from msidp.words import counted, words


def test_tags_are_cut_back_in_order_of_preference() -> None:
    for tags, expected in (
        ("de", "de"),
        ("DE_at-1996", "de"),
        ("xx fr-CA de", "fr"),
        ("den es-419", "es"),
        ("zh ja", None),
        (" ".join(["xx"] * 30 + ["de"]), None),  # nobody reads so many
    ):
        assert languages.best(tags.split(" ")) == expected, tags


@given(st.lists(st.text() | st.sampled_from(["de", "fr-", "*"]), max_size=5))
def test_no_tag_is_an_error(tags: list[str]) -> None:
    assert languages.best(tags) in (*languages.LANGUAGES, None)


@given(st.text(string.ascii_letters + " %"), st.text(), st.integers(0, 10**6))
def test_words_are_their_english_text_and_say_it_anew(sentence: str, name: str, number: int) -> None:
    plain = words(sentence)
    assert plain == sentence
    assert languages.say(plain, languages.catalogue("en")) == sentence
    some = counted("One of %(name)s", "%(num)d of %(name)s", number, name=name)
    assert some == (f"One of {name}" if number == 1 else f"{number} of {name}")
    assert languages.say(some, languages.catalogue("de")) == some  # nobody has translated it


def test_plural_forms_are_those_of_the_language() -> None:
    one, many = (
        "Too many attempts failed. Please wait a minute, then try again.",
        "Too many attempts failed. Please wait %(num)d minutes, then try again.",
    )
    said = {
        (language, number): languages.say(counted(one, many, number), languages.catalogue(language))
        for language in languages.LANGUAGES
        for number in (0, 1, 3)
    }
    assert "eine Minute" in said["de", 1]
    assert "3 Minuten" in said["de", 3]
    assert "une minute" in said["fr", 1]
    assert "une minute" in said["fr", 0]  # as French counts
    assert "0 Minuten" in said["de", 0]
    assert "3 minutos" in said["es", 3]
    assert said["en", 1] == one


def test_days_and_moments() -> None:
    moment = clock.parse_iso("2026-11-02T06:40:00Z")
    assert [languages.day(moment, each) for each in languages.LANGUAGES] == [
        "2 November 2026", "2. November 2026", "2 novembre 2026", "2 de noviembre de 2026",
    ]  # fmt: skip
    assert languages.minute(moment, "en") == "2 November 2026, 06:40 UTC"
    assert languages.minute(moment, "fr") == "2 novembre 2026, 06:40 UTC"
    assert languages.minute(moment, "de", "Europe/Berlin") == "2. November 2026, 07:40 MEZ"
    for nonsense in ("", "nowhere", "../../etc/passwd", "Europe", "/etc/passwd", "\0"):
        assert languages.minute(moment, "de", nonsense).endswith("06:40 UTC")
