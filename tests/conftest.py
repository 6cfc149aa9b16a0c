"""Fixtures of every room."""

from tests.support.servers import catalog, database, postgres, redis_url, shared_database

__all__ = ["catalog", "database", "postgres", "redis_url", "shared_database"]
