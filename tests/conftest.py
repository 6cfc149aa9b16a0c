"""Fixtures of every room."""

from tests.support.servers import catalog, database, postgres, redis_url

__all__ = ["catalog", "database", "postgres", "redis_url"]
