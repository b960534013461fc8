"""A site's page that calls the Client API."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

ADA, PASSWORD = "ada@example.com", "correct horse battery"


class Visitor:
    """One browser on the site."""

    def __init__(self, app: Flask, public_key: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.client.environ_base["HTTP_X_API_KEY"] = public_key
        self.token: str | None = None

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.client.open(
            path, method=method, headers={**headers, **options.pop("headers", {})}, **options
        )

    def post(self, path: str, **body: Any) -> TestResponse:
        return self.call("POST", path, json=body)

    def enter(self, path: str, **body: Any) -> dict[str, Any]:
        """Log in or sign up. Returns the member."""
        answer = self.post(path, **body)
        assert answer.status_code == 200, answer.json
        assert answer.json is not None
        self.token = answer.json["data"]["tokens"]["accessToken"]
        member: dict[str, Any] = answer.json["data"]["member"]
        return member

    def sign_up(self, email: str = ADA, **more: Any) -> dict[str, Any]:
        return self.enter("/auth/signup", email=email, password=PASSWORD, **more)

    def log_in(self, email: str = ADA, password: str = PASSWORD) -> dict[str, Any]:
        return self.enter("/auth/login", email=email, password=password)

    def is_in(self) -> bool:
        answer = self.call("GET", "/member")
        assert answer.status_code == 200
        assert answer.json is not None
        return answer.json["data"] is not None
