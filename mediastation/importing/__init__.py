"""Media that somebody brought: looked at, repaired on paper, and taken in without believing them.

Owns the hashed copy of a disc, the scan of every file by content, the doctor of
directories, the comparison of what arrives with what is here, and the plan of what
an identity of this site changes in a copy. Nothing that it finds is executed or
followed; whose the images are is decided elsewhere.
"""
