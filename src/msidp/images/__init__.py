"""Pictures that people send: a community's logo, a member's photo.

`codec` makes a picture of our own of what was sent, `service` keeps it, `routes` shows it under an address
that its content decides on. Neighbours: communities and members, which say whose a picture is.
"""
