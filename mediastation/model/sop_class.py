"""The media storable SOP Classes and the Directory Record type that each one gets.

PS3.4 2024c Tables B.5-1 (under SERIES) and GG.3-1 (under the root), the retired
classes that B.6 still permits, and the classes added up to 2026. Record types
follow PS3.3 2024c F.5; where it names only a family, the assignment is the one
in common use. An empty record type means that Annex F defines none, so the
class cannot lie on a medium with a directory. The WF PRESENTATION type is
unconfirmed in the standard's text.
"""

from __future__ import annotations

from dataclasses import dataclass

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"


@dataclass(frozen=True, slots=True)
class SopClass:
    """One media storable SOP Class; `name` leaves the word Storage out."""

    uid: str
    name: str
    record_type: str
    retired: bool = False


def _classes(record_type: str, *rows: tuple[str, str], retired: bool = False) -> list[SopClass]:
    return [SopClass(uid, name, record_type, retired) for uid, name in rows]


_ALL = (
    *_classes(
        "IMAGE",
        ("1.2.840.10008.5.1.4.1.1.1", "Computed Radiography Image"),
        ("1.2.840.10008.5.1.4.1.1.1.1", "Digital X-Ray Image - For Presentation"),
        ("1.2.840.10008.5.1.4.1.1.1.1.1", "Digital X-Ray Image - For Processing"),
        ("1.2.840.10008.5.1.4.1.1.1.2", "Digital Mammography X-Ray Image - For Presentation"),
        ("1.2.840.10008.5.1.4.1.1.1.2.1", "Digital Mammography X-Ray Image - For Processing"),
        ("1.2.840.10008.5.1.4.1.1.1.3", "Digital Intra-Oral X-Ray Image - For Presentation"),
        ("1.2.840.10008.5.1.4.1.1.1.3.1", "Digital Intra-Oral X-Ray Image - For Processing"),
        ("1.2.840.10008.5.1.4.1.1.2", "CT Image"),
        ("1.2.840.10008.5.1.4.1.1.2.1", "Enhanced CT Image"),
        ("1.2.840.10008.5.1.4.1.1.2.2", "Legacy Converted Enhanced CT Image"),
        ("1.2.840.10008.5.1.4.1.1.3.1", "Ultrasound Multi-frame Image"),
        ("1.2.840.10008.5.1.4.1.1.4", "MR Image"),
        ("1.2.840.10008.5.1.4.1.1.4.1", "Enhanced MR Image"),
        ("1.2.840.10008.5.1.4.1.1.4.3", "Enhanced MR Color Image"),
        ("1.2.840.10008.5.1.4.1.1.4.4", "Legacy Converted Enhanced MR Image"),
        ("1.2.840.10008.5.1.4.1.1.6.1", "Ultrasound Image"),
        ("1.2.840.10008.5.1.4.1.1.6.2", "Enhanced US Volume"),
        ("1.2.840.10008.5.1.4.1.1.6.3", "Photoacoustic Image"),
        ("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture Image"),
        ("1.2.840.10008.5.1.4.1.1.7.1", "Multi-frame Single Bit Secondary Capture Image"),
        ("1.2.840.10008.5.1.4.1.1.7.2", "Multi-frame Grayscale Byte Secondary Capture Image"),
        ("1.2.840.10008.5.1.4.1.1.7.3", "Multi-frame Grayscale Word Secondary Capture Image"),
        ("1.2.840.10008.5.1.4.1.1.7.4", "Multi-frame True Color Secondary Capture Image"),
        ("1.2.840.10008.5.1.4.1.1.12.1", "X-Ray Angiographic Image"),
        ("1.2.840.10008.5.1.4.1.1.12.1.1", "Enhanced XA Image"),
        ("1.2.840.10008.5.1.4.1.1.12.2", "X-Ray Radiofluoroscopic Image"),
        ("1.2.840.10008.5.1.4.1.1.12.2.1", "Enhanced XRF Image"),
        ("1.2.840.10008.5.1.4.1.1.13.1.1", "X-Ray 3D Angiographic Image"),
        ("1.2.840.10008.5.1.4.1.1.13.1.2", "X-Ray 3D Craniofacial Image"),
        ("1.2.840.10008.5.1.4.1.1.13.1.3", "Breast Tomosynthesis Image"),
        ("1.2.840.10008.5.1.4.1.1.13.1.4", "Breast Projection X-Ray Image - For Presentation"),
        ("1.2.840.10008.5.1.4.1.1.13.1.5", "Breast Projection X-Ray Image - For Processing"),
        (
            "1.2.840.10008.5.1.4.1.1.14.1",
            "Intravascular Optical Coherence Tomography Image - For Presentation",
        ),
        (
            "1.2.840.10008.5.1.4.1.1.14.2",
            "Intravascular Optical Coherence Tomography Image - For Processing",
        ),
        ("1.2.840.10008.5.1.4.1.1.20", "Nuclear Medicine Image"),
        ("1.2.840.10008.5.1.4.1.1.30", "Parametric Map"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "Segmentation"),
        ("1.2.840.10008.5.1.4.1.1.77.1.1", "VL Endoscopic Image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.1.1", "Video Endoscopic Image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.2", "VL Microscopic Image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.2.1", "Video Microscopic Image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.3", "VL Slide-Coordinates Microscopic Image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.4", "VL Photographic Image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.4.1", "Video Photographic Image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.5.1", "Ophthalmic Photography 8 Bit Image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.5.2", "Ophthalmic Photography 16 Bit Image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.5.4", "Ophthalmic Tomography Image"),
        (
            "1.2.840.10008.5.1.4.1.1.77.1.5.5",
            "Wide Field Ophthalmic Photography Stereographic Projection Image",
        ),
        (
            "1.2.840.10008.5.1.4.1.1.77.1.5.6",
            "Wide Field Ophthalmic Photography 3D Coordinates Image",
        ),
        (
            "1.2.840.10008.5.1.4.1.1.77.1.5.7",
            "Ophthalmic Optical Coherence Tomography En Face Image",
        ),
        (
            "1.2.840.10008.5.1.4.1.1.77.1.5.8",
            "Ophthalmic Optical Coherence Tomography B-scan Volume Analysis",
        ),
        ("1.2.840.10008.5.1.4.1.1.77.1.6", "VL Whole Slide Microscopy Image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.7", "Dermoscopic Photography Image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.8", "Confocal Microscopy Image"),
        ("1.2.840.10008.5.1.4.1.1.77.1.9", "Confocal Microscopy Tiled Pyramidal Image"),
        ("1.2.840.10008.5.1.4.1.1.81.1", "Ophthalmic Thickness Map"),
        ("1.2.840.10008.5.1.4.1.1.82.1", "Corneal Topography Map"),
        ("1.2.840.10008.5.1.4.1.1.128", "Positron Emission Tomography Image"),
        ("1.2.840.10008.5.1.4.1.1.130", "Enhanced PET Image"),
        ("1.2.840.10008.5.1.4.1.1.128.1", "Legacy Converted Enhanced PET Image"),
        ("1.2.840.10008.5.1.4.1.1.481.1", "RT Image"),
        ("1.2.840.10008.5.1.4.1.1.481.23", "Enhanced RT Image"),
        ("1.2.840.10008.5.1.4.1.1.481.24", "Enhanced Continuous RT Image"),
        ("1.2.840.10008.5.1.4.1.1.66.7", "Label Map Segmentation"),
        ("1.2.840.10008.5.1.4.1.1.66.8", "Height Map Segmentation"),
    ),
    *_classes(
        "",
        ("1.2.840.10008.5.1.4.1.1.200.2", "CT Performed Procedure Protocol"),
        ("1.2.840.10008.5.1.4.1.1.200.8", "XA Performed Procedure Protocol"),
        ("1.2.840.10008.5.1.4.1.1.200.1", "CT Defined Procedure Protocol"),
        ("1.2.840.10008.5.1.4.1.1.200.3", "Protocol Approval"),
        ("1.2.840.10008.5.1.4.1.1.200.7", "XA Defined Procedure Protocol"),
    ),
    *_classes(
        "RT DOSE",
        ("1.2.840.10008.5.1.4.1.1.481.2", "RT Dose"),
    ),
    *_classes(
        "RT STRUCTURE SET",
        ("1.2.840.10008.5.1.4.1.1.481.3", "RT Structure Set"),
    ),
    *_classes(
        "RT PLAN",
        ("1.2.840.10008.5.1.4.1.1.481.5", "RT Plan"),
        ("1.2.840.10008.5.1.4.1.1.481.8", "RT Ion Plan"),
    ),
    *_classes(
        "RT TREAT RECORD",
        ("1.2.840.10008.5.1.4.1.1.481.4", "RT Beams Treatment Record"),
        ("1.2.840.10008.5.1.4.1.1.481.6", "RT Brachy Treatment Record"),
        ("1.2.840.10008.5.1.4.1.1.481.7", "RT Treatment Summary Record"),
        ("1.2.840.10008.5.1.4.1.1.481.9", "RT Ion Beams Treatment Record"),
    ),
    *_classes(
        "PRESENTATION",
        ("1.2.840.10008.5.1.4.1.1.11.1", "Grayscale Softcopy Presentation State"),
        ("1.2.840.10008.5.1.4.1.1.11.2", "Color Softcopy Presentation State"),
        ("1.2.840.10008.5.1.4.1.1.11.3", "Pseudo-Color Softcopy Presentation State"),
        ("1.2.840.10008.5.1.4.1.1.11.4", "Blending Softcopy Presentation State"),
        ("1.2.840.10008.5.1.4.1.1.11.5", "XA/XRF Grayscale Softcopy Presentation State"),
        ("1.2.840.10008.5.1.4.1.1.11.6", "Grayscale Planar MPR Volumetric Presentation State"),
        ("1.2.840.10008.5.1.4.1.1.11.7", "Compositing Planar MPR Volumetric Presentation State"),
        ("1.2.840.10008.5.1.4.1.1.11.8", "Advanced Blending Presentation State"),
        ("1.2.840.10008.5.1.4.1.1.11.9", "Volume Rendering Volumetric Presentation State"),
        (
            "1.2.840.10008.5.1.4.1.1.11.10",
            "Segmented Volume Rendering Volumetric Presentation State",
        ),
        (
            "1.2.840.10008.5.1.4.1.1.11.11",
            "Multiple Volume Rendering Volumetric Presentation State",
        ),
        ("1.2.840.10008.5.1.4.1.1.11.12", "Variable Modality LUT Softcopy Presentation State"),
        ("1.2.840.10008.5.1.4.1.1.131", "Basic Structured Display"),
    ),
    *_classes(
        "WAVEFORM",
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "12-lead ECG Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.1.2", "General ECG Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.1.3", "Ambulatory ECG Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.1.4", "General 32-bit ECG Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.2.1", "Hemodynamic Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.3.1", "Cardiac Electrophysiology Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.4.1", "Basic Voice Audio Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.4.2", "General Audio Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.5.1", "Arterial Pulse Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.6.1", "Respiratory Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.6.2", "Multi-channel Respiratory Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.7.1", "Routine Scalp Electroencephalogram Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.7.2", "Electromyogram Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.7.3", "Electrooculogram Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.7.4", "Sleep Electroencephalogram Waveform"),
        ("1.2.840.10008.5.1.4.1.1.9.8.1", "Body Position Waveform"),
    ),
    *_classes(
        "SR DOCUMENT",
        ("1.2.840.10008.5.1.4.1.1.78.6", "Spectacle Prescription Report"),
        ("1.2.840.10008.5.1.4.1.1.79.1", "Macular Grid Thickness and Volume Report"),
        ("1.2.840.10008.5.1.4.1.1.88.11", "Basic Text SR"),
        ("1.2.840.10008.5.1.4.1.1.88.22", "Enhanced SR"),
        ("1.2.840.10008.5.1.4.1.1.88.33", "Comprehensive SR"),
        ("1.2.840.10008.5.1.4.1.1.88.34", "Comprehensive 3D SR"),
        ("1.2.840.10008.5.1.4.1.1.88.35", "Extensible SR"),
        ("1.2.840.10008.5.1.4.1.1.88.40", "Procedure Log"),
        ("1.2.840.10008.5.1.4.1.1.88.50", "Mammography CAD SR"),
        ("1.2.840.10008.5.1.4.1.1.88.65", "Chest CAD SR"),
        ("1.2.840.10008.5.1.4.1.1.88.67", "X-Ray Radiation Dose SR"),
        ("1.2.840.10008.5.1.4.1.1.88.68", "Radiopharmaceutical Radiation Dose SR"),
        ("1.2.840.10008.5.1.4.1.1.88.69", "Colon CAD SR"),
        ("1.2.840.10008.5.1.4.1.1.88.70", "Implantation Plan SR"),
        ("1.2.840.10008.5.1.4.1.1.88.71", "Acquisition Context SR"),
        ("1.2.840.10008.5.1.4.1.1.88.72", "Simplified Adult Echo SR"),
        ("1.2.840.10008.5.1.4.1.1.88.73", "Patient Radiation Dose SR"),
        ("1.2.840.10008.5.1.4.1.1.88.74", "Planned Imaging Agent Administration SR"),
        ("1.2.840.10008.5.1.4.1.1.88.75", "Performed Imaging Agent Administration SR"),
        ("1.2.840.10008.5.1.4.1.1.88.76", "Enhanced X-Ray Radiation Dose SR"),
        ("1.2.840.10008.5.1.4.1.1.88.77", "Waveform Annotation SR"),
    ),
    *_classes(
        "KEY OBJECT DOC",
        ("1.2.840.10008.5.1.4.1.1.88.59", "Key Object Selection Document"),
    ),
    *_classes(
        "SPECTROSCOPY",
        ("1.2.840.10008.5.1.4.1.1.4.2", "MR Spectroscopy"),
    ),
    *_classes(
        "RAW DATA",
        ("1.2.840.10008.5.1.4.1.1.66", "Raw Data"),
    ),
    *_classes(
        "REGISTRATION",
        ("1.2.840.10008.5.1.4.1.1.66.1", "Spatial Registration"),
        ("1.2.840.10008.5.1.4.1.1.66.3", "Deformable Spatial Registration"),
    ),
    *_classes(
        "FIDUCIAL",
        ("1.2.840.10008.5.1.4.1.1.66.2", "Spatial Fiducials"),
    ),
    *_classes(
        "ENCAP DOC",
        ("1.2.840.10008.5.1.4.1.1.104.1", "Encapsulated PDF"),
        ("1.2.840.10008.5.1.4.1.1.104.2", "Encapsulated CDA"),
        ("1.2.840.10008.5.1.4.1.1.104.3", "Encapsulated STL"),
        ("1.2.840.10008.5.1.4.1.1.104.4", "Encapsulated OBJ"),
        ("1.2.840.10008.5.1.4.1.1.104.5", "Encapsulated MTL"),
    ),
    *_classes(
        "VALUE MAP",
        ("1.2.840.10008.5.1.4.1.1.67", "Real World Value Mapping"),
    ),
    *_classes(
        "STEREOMETRIC",
        ("1.2.840.10008.5.1.4.1.1.77.1.5.3", "Stereometric Relationship"),
    ),
    *_classes(
        "PLAN",
        ("1.2.840.10008.5.1.4.1.1.481.25", "RT Patient Position Acquisition Instruction"),
        ("1.2.840.10008.5.1.4.34.7", "RT Beams Delivery Instruction"),
        ("1.2.840.10008.5.1.4.34.10", "RT Brachy Application Setup Delivery Instruction"),
    ),
    *_classes(
        "MEASUREMENT",
        ("1.2.840.10008.5.1.4.1.1.78.1", "Lensometry Measurements"),
        ("1.2.840.10008.5.1.4.1.1.78.2", "Autorefraction Measurements"),
        ("1.2.840.10008.5.1.4.1.1.78.3", "Keratometry Measurements"),
        ("1.2.840.10008.5.1.4.1.1.78.4", "Subjective Refraction Measurements"),
        ("1.2.840.10008.5.1.4.1.1.78.5", "Visual Acuity Measurements"),
        ("1.2.840.10008.5.1.4.1.1.78.7", "Ophthalmic Axial Measurements"),
        ("1.2.840.10008.5.1.4.1.1.78.8", "Intraocular Lens Calculations"),
        ("1.2.840.10008.5.1.4.1.1.80.1", "Ophthalmic Visual Field Static Perimetry Measurements"),
    ),
    *_classes(
        "SURFACE",
        ("1.2.840.10008.5.1.4.1.1.66.5", "Surface Segmentation"),
    ),
    *_classes(
        "SURFACE SCAN",
        ("1.2.840.10008.5.1.4.1.1.68.1", "Surface Scan Mesh"),
        ("1.2.840.10008.5.1.4.1.1.68.2", "Surface Scan Point Cloud"),
    ),
    *_classes(
        "TRACT",
        ("1.2.840.10008.5.1.4.1.1.66.6", "Tractography Results"),
    ),
    *_classes(
        "ASSESSMENT",
        ("1.2.840.10008.5.1.4.1.1.90.1", "Content Assessment Results"),
    ),
    *_classes(
        "RADIOTHERAPY",
        ("1.2.840.10008.5.1.4.1.1.481.10", "RT Physician Intent"),
        ("1.2.840.10008.5.1.4.1.1.481.11", "RT Segment Annotation"),
        ("1.2.840.10008.5.1.4.1.1.481.12", "RT Radiation Set"),
        ("1.2.840.10008.5.1.4.1.1.481.13", "C-Arm Photon-Electron Radiation"),
        ("1.2.840.10008.5.1.4.1.1.481.14", "Tomotherapeutic Radiation"),
        ("1.2.840.10008.5.1.4.1.1.481.15", "Robotic-Arm Radiation"),
        ("1.2.840.10008.5.1.4.1.1.481.16", "RT Radiation Record Set"),
        ("1.2.840.10008.5.1.4.1.1.481.17", "RT Radiation Salvage Record"),
        ("1.2.840.10008.5.1.4.1.1.481.18", "Tomotherapeutic Radiation Record"),
        ("1.2.840.10008.5.1.4.1.1.481.19", "C-Arm Photon-Electron Radiation Record"),
        ("1.2.840.10008.5.1.4.1.1.481.20", "Robotic Radiation Record"),
        ("1.2.840.10008.5.1.4.1.1.481.21", "RT Radiation Set Delivery Instruction"),
        ("1.2.840.10008.5.1.4.1.1.481.22", "RT Treatment Preparation"),
    ),
    *_classes(
        "ANNOTATION",
        ("1.2.840.10008.5.1.4.1.1.91.1", "Microscopy Bulk Simple Annotations"),
    ),
    *_classes(
        "HANGING PROTOCOL",
        ("1.2.840.10008.5.1.4.38.1", "Hanging Protocol"),
    ),
    *_classes(
        "PALETTE",
        ("1.2.840.10008.5.1.4.39.1", "Color Palette"),
    ),
    *_classes(
        "IMPLANT",
        ("1.2.840.10008.5.1.4.43.1", "Generic Implant Template"),
    ),
    *_classes(
        "IMPLANT ASSY",
        ("1.2.840.10008.5.1.4.44.1", "Implant Assembly Template"),
    ),
    *_classes(
        "IMPLANT GROUP",
        ("1.2.840.10008.5.1.4.45.1", "Implant Template Group"),
    ),
    *_classes(
        "INVENTORY",
        ("1.2.840.10008.5.1.4.1.1.201.1", "Inventory"),
    ),
    *_classes(
        "WF PRESENTATION",
        ("1.2.840.10008.5.1.4.1.1.9.100.1", "Waveform Presentation State"),
        ("1.2.840.10008.5.1.4.1.1.9.100.2", "Waveform Acquisition Presentation State"),
    ),
    *_classes(
        "IMAGE",
        ("1.2.840.10008.5.1.4.1.1.5", "Nuclear Medicine Image (old)"),
        ("1.2.840.10008.5.1.4.1.1.6", "Ultrasound Image (old)"),
        ("1.2.840.10008.5.1.4.1.1.3", "Ultrasound Multi-frame Image (old)"),
        ("1.2.840.10008.5.1.4.1.1.12.3", "X-Ray Angiographic Bi-plane Image"),
        retired=True,
    ),
)
SOP_CLASSES = {sop_class.uid: sop_class for sop_class in _ALL}

# PS3.3 2024c A.1.4 and the IODs: those that contain the Multi-frame Module
# (C.7.6.6) or the Multi-frame Functional Groups Module (C.7.6.16) with it.
_IMAGE = "1.2.840.10008.5.1.4.1.1."
MULTI_FRAME_CLASSES = frozenset(
    _IMAGE + tail
    for tail in (
        "2.1", "2.2",                                       # Enhanced CT
        "3.1",                                              # Ultrasound Multi-frame
        "4.1", "4.3", "4.4",                                # Enhanced MR
        "6.2", "6.3",                                       # US Volume, Photoacoustic
        "7.1", "7.2", "7.3", "7.4",                         # Multi-frame Secondary Capture
        "12.1", "12.1.1", "12.2", "12.2.1",                 # XA, XRF
        "13.1.1", "13.1.2", "13.1.3", "13.1.4", "13.1.5",   # X-Ray 3D, breast
        "14.1", "14.2",                                     # Intravascular OCT
        "20",                                               # Nuclear Medicine
        "30",                                               # Parametric Map
        "66.4", "66.7", "66.8",                             # Segmentations
        "77.1.1.1", "77.1.2.1", "77.1.4.1",                 # Video
        "77.1.5.1", "77.1.5.2", "77.1.5.4", "77.1.5.5", "77.1.5.6", "77.1.5.8",  # Ophthalmic
        "77.1.6", "77.1.8", "77.1.9",                       # Whole slide, confocal
        "128.1", "130",                                     # Enhanced PET
        "481.1", "481.2", "481.23", "481.24",               # RT Image, RT Dose
        "3",                                                # retired Ultrasound Multi-frame
    )
)  # fmt: skip
"""SOP Classes whose objects may have several frames."""


def sop_class_name(uid: str) -> str:
    """Return the name people use, or the UID itself where there is none."""
    sop_class = SOP_CLASSES.get(uid)
    return sop_class.name if sop_class else uid or "no SOP Class"
