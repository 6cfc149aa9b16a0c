"""Secure DICOM files: CMS envelopes sealed and opened (PS3.10 7.4, PS3.15 D.1), passphrases."""
