"""Factors of whoever signs in: authenticator app, recovery codes, passkeys, a log-in between its steps.

Each kind of account (members, operators) has tables of its own, and one object for each factor over them:
see `accounts.factors` and `operators.factors`. What a factor is, how it is checked and what it costs to
guess is written once, here. `ceremonies` and `forms` are the part that knows requests.
"""
