"""The demo: the whole path from sign-up to signed webhooks, walked over real HTTP for a person to see.

It starts msidp as a process of its own and talks to it as the world does. The parts are small examples
too: a client application (`client_app`), a webhook receiver (`receiver`) and a browser without
JavaScript (`browser`), made of the standard library and `msidp.admin` alone.
"""
