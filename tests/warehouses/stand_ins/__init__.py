"""Servers for the tests: PostgreSQL, Spark and Sail, stand-ins of services, and relays in front of them."""
