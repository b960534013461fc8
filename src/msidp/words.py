"""Words for people, kept so that they can still be said in another language.

Services raise and return English, as the Admin API speaks it. What a member may come to see they write by
`words()` or `counted()`: a string like any other, that remembers the sentence it was made of. Pages and mails
translate it (`msidp.languages`); nothing here knows how. `make messages` finds the sentences by these names,
so they stand in the call as literals.
"""

from typing import Self


class Words(str):
    """An English text, with the sentence and the values it was made of."""

    __slots__ = ("plural", "sentence", "values")
    sentence: str  # with %(name)s where the values go
    plural: str | None  # where it counts `num`: the sentence for more than one
    values: dict[str, object]

    def __new__(cls, sentence: str, plural: str | None, values: dict[str, object]) -> Self:
        chosen = sentence if plural is None or values["num"] == 1 else plural
        made = super().__new__(cls, chosen % values if values else chosen)
        made.sentence, made.plural, made.values = sentence, plural, values
        return made


def words(sentence: str, **values: object) -> Words:
    """A sentence, with `%(name)s` where a value goes. Without values a `%` stands for itself."""
    return Words(sentence, None, values)


def counted(one: str, many: str, num: int, **values: object) -> Words:
    """A sentence about a number of things, `%(num)d` of them."""
    return Words(one, many, {"num": num, **values})
