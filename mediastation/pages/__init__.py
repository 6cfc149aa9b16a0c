"""What people read on a medium: the pages from ``templates/``, rendered."""
