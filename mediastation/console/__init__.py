"""The operator console: Textual screens over the station's use cases.

Owns what is drawn and which key does what. Knows nothing of rules, media or
the catalog's tables: screens ask `mediastation.station` through one `Desk`,
whose calls run in threads, so that no query keeps a key waiting. Nothing here
decides what a command could not do as well.
"""
