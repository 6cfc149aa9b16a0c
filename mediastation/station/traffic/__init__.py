"""The site's other DICOM applications: asked, fetched from, sent to."""
