"""One module for each place of the console, imported when it is first gone to."""
