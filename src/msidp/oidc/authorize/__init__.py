"""The authorization endpoint: check the request, have the member log in and consent, answer with a code.

`checks` is the ordered list of what a request must hold to, `decision` says what comes next, `waiting`
keeps a request while the member is on another page, `routes` ties them to HTTP.
"""
