"""Maintenance of the tables: small files put together, what nobody reads any more deleted."""
