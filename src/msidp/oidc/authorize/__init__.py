"""The authorization endpoint: check the request, have the member log in and consent, answer with a code.

`checks` is the ordered list of what a request must hold to, with `wishes` for what it says of the member;
`decision` says what comes next, `flow` does it, `pages` and `routes` tie it to HTTP. A request waits
`sealed`; one that an application pushed to `par` is kept in `pushed` until it is answered.
"""
