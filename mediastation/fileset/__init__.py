"""The File-set (PS3.10 8, PS3.3 Annex F): File IDs, Directory Records, the DICOMDIR writer."""
