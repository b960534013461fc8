"""Branding: how a community shows itself on the pages and in the mails that its members get.

A name, a logo, a colour, a welcome and three links. `colours` makes the colour readable, `service` reads and
changes, `current` is what templates ask. Neighbours: images keeps the logo, mail and the pages show it.
"""
