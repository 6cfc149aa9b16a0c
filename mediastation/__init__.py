"""Mediastation: DICOM media interchange and disc-burning station.

The rooms, from the top down; imports go down this list only:

``cli`` → ``station`` → ``collect | verify`` → ``conformance | fileset | media | pages``
→ ``reading | catalog`` → ``dicom | network`` → ``model`` → ``config | resources | errors``
"""

__version__ = "0.1.0"

IMPLEMENTATION_CLASS_UID = "2.25.69278733773308275517389054662389105474"
IMPLEMENTATION_VERSION_NAME = "MEDIASTATION_01"
"""At most 16 characters of ISO 646 (PS3.10, 7.1, (0002,0013))."""
