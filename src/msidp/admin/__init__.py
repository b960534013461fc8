"""The admin SDK: verify member tokens and webhooks, and manage members, from a backend service."""
