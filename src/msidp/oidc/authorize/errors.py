"""How an authorization request fails: at the redirect URI, or where that is in doubt, on a page."""


class PageError(Exception):
    """Nothing may be redirected. The text is shown to the person; `error` is for the developer.

    `context` goes to the log alone: what the request held is never shown again.
    """

    def __init__(self, message: str, error: str = "invalid_request", **context: str) -> None:
        super().__init__(message)
        self.error = error
        self.context = {name: value[:300] for name, value in context.items()}


class OAuthError(Exception):
    """An error that goes to the redirect URI (RFC 6749, section 4.1.2.1). Texts are constants of ours."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
