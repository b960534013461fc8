"""Second factors: authenticator app with recovery codes, passkeys, and the step between password and session.

`totp`, `recovery` and `passkeys` keep and check the factors, `second_step` holds a log-in that waits for one.
Below: the sessions and pages of `accounts`, which come here through `signin` alone.
"""
