"""Values and rules. Nothing here opens a file or a socket, reads a clock or starts a thread."""
