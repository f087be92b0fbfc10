"""Configuring an image: its maintainer scripts run in a sandbox, without privileges."""
