"""Fixtures of every room."""

from tests.support.mo_disks import small_mo_disks
from tests.support.outside.fixtures import outside_media
from tests.support.running import pytest_collection_modifyitems, pytest_configure
from tests.support.servers import catalog, database, postgres, redis_url, shared_database

__all__ = [
    "catalog",
    "database",
    "outside_media",
    "postgres",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "redis_url",
    "shared_database",
    "small_mo_disks",
]
