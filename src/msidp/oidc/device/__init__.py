"""The device authorization grant (RFC 8628): a device without a browser is let in by a member on another one.

`endpoint` gives the device its codes, `pages` is where the member types one in and decides, `grant` is what
the device polls; `authorizations` is the table between them, `user_codes` the short code's alphabet.
"""
