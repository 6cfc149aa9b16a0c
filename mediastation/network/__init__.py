"""The DICOM upper layer and its services; the only room that knows pynetdicom."""
