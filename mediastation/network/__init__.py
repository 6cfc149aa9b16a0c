"""The DICOM upper layer (PS3.8) and its services (PS3.7, PS3.4).

`pdu` and `command` turn bytes into values and back, `connection` frames them on
a socket, `contexts` decides what is accepted, `part10` puts file meta in front
of what arrives; `storage_scp` and `storage_scu` are the services. No other room
may know pynetdicom.
"""
