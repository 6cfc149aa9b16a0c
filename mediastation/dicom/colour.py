"""Which colours native pixels bear once they are decoded, told without decoding them."""

from __future__ import annotations

from mediastation.dicom.codestream import Family


def native_photometric(family: Family | None, lossless: bool, photometric: str) -> str:
    """Return the Photometric Interpretation of three samples after decoding.

    Only a lossy JPEG is converted: its YCbCr is that of the codec, and RGB is
    what every reader shows. JPEG XL decodes to RGB of its own accord. Samples
    of lossless encodings stay as they were encoded, so YBR_FULL stays; YBR_RCT
    and YBR_ICT are undone by the codestream's own transform and do not occur
    in native pixels, and what was subsampled is not any more (PS3.3
    C.7.6.3.1.2).

    Parameters
    ----------
    family : Family or None
        The codestreams' format, `None` where the pixels are native already.
    lossless : bool
        Whether the codestreams are.
    photometric : str
        What the data set says.
    """
    if family is None or family is Family.DEFLATE:
        return photometric
    if family is Family.JPEG_XL or (family is Family.JPEG and not lossless):
        return "RGB"
    if family is Family.JPEG_2000 and photometric in ("YBR_RCT", "YBR_ICT"):
        return "RGB"
    return "YBR_FULL" if photometric == "YBR_FULL_422" else photometric
