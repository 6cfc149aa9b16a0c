"""Media that somebody brought: looked at, repaired on paper, and taken in without believing them.

Owns the hashed copy of a disc, the scan of every file by content, the doctor of
directories, and the comparison of what arrives with what is here. It decides
nothing about patients, and nothing that it finds is executed or followed.
"""
