"""How an authorization response travels: in the redirect URI's query or fragment, or in a posted form."""

from flask import current_app, redirect, render_template, request
from werkzeug.wrappers import Response

from msidp import web
from msidp.oidc import redirects
from msidp.oidc.authorize.request import AuthorizeRequest

QUERY, FRAGMENT, FORM_POST = "query", "fragment", "form_post"
MODES = (QUERY, FRAGMENT, FORM_POST)


def send(asked: AuthorizeRequest, parameters: dict[str, str]) -> Response:
    """Send the browser to the application with these parameters, as the request wants it."""
    if asked.response_mode == FORM_POST:
        return _form(asked.redirect_uri, parameters)
    add = redirects.with_fragment if asked.response_mode == FRAGMENT else redirects.with_parameters
    url = add(asked.redirect_uri, parameters)
    response = redirect(url, 302 if request.method == "GET" else 303)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _form(redirect_uri: str, parameters: dict[str, str]) -> Response:
    """A page whose form a script submits, or the person (OAuth 2.0 Form Post Response Mode, section 2)."""
    web.let_forms_lead_away()
    page = render_template("oidc/form_post.html", action=redirect_uri, parameters=parameters)
    return current_app.make_response(page)
