"""The instance store (files) and its index, jobs and results (SQLAlchemy Core)."""
