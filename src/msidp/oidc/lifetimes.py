"""How long what the provider issues is good for. The only place that says so.

The first three are what an application has that does not ask for others, in seconds as the Admin API has
them; the rest is the same for all, in milliseconds.
"""

from msidp import clock

ACCESS_TOKEN = 3600
ID_TOKEN = 3600
REFRESH_TOKEN = 30 * 86_400  # absolute: from the log-in's grant on, however often it is refreshed

CODE = clock.MINUTE
PUSHED_REQUEST = clock.MINUTE  # from its push to the browser that brings it
AUTHORIZATION_REQUEST = clock.HOUR  # time to sign up, to verify an address, to decide
