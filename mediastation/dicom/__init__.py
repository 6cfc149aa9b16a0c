"""The data set side of DICOM: headers, character sets, pixels, re-encoding."""
