"""What can be done with oidc, in terms of the session it is given."""
