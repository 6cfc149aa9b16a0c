"""The process that serves a home: its socket, its queue, its workers."""
