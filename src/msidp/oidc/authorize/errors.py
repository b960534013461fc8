"""How an authorization request fails: at the redirect URI, or where that is in doubt, on a page."""

from msidp.words import Words


class PageError(Exception):
    """Nothing may be redirected. The text is for the person, `error` and `advice` for the developer.

    `context` goes to the log alone, under the reference that the page shows: what a request held is never
    shown again.
    """

    def __init__(
        self, message: Words, error: str = "invalid_request", *, advice: str = "", **context: str
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error = error
        self.advice = advice
        self.context = {name: _printable(value) for name, value in context.items()}


class OAuthError(Exception):
    """An error that goes to the redirect URI (RFC 6749, section 4.1.2.1). Texts are constants of ours."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


def _printable(text: str) -> str:
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:300]
    )
