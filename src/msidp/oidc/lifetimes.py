"""How long what the provider issues is good for, in milliseconds. The only place that says so."""

from msidp import clock

ACCESS_TOKEN = clock.HOUR
ID_TOKEN = clock.HOUR
CODE = clock.MINUTE
OFFLINE_ACCESS = 30 * clock.DAY  # absolute: from the log-in's grant on, however often it is refreshed
AUTHORIZATION_REQUEST = 15 * clock.MINUTE  # time to sign up, to verify an address, to decide
