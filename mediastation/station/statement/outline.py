"""The sections of a DICOM Conformance Statement (PS3.2 2024c, Annex N), in their numbering.

A section without a text in ``templates/statement.toml`` is not applicable. New
sections stand at the end of their parent.
"""

OUTLINE = """
1 Overview
1.1 Content and Transfer
1.1.1 Structured Report Root Template Identifiers
1.2 DIMSE Services
1.2.1 Verification
1.2.2 Storage
1.2.3 Workflow Management
1.2.4 Query/Retrieve
1.2.5 Printing
1.3 DICOM Web Services
1.3.1 URI Service
1.3.2 Studies Service
1.3.3 Worklist Service
1.3.4 Non-Patient Instance Service
1.3.5 Storage Commitment Service
1.4 Media Services
1.5 Real-Time Video Services
1.6 De-identification Profiles
1.7 Specific Character Sets
2 Table of Contents
3 Introduction
3.1 Revision History
3.2 Audience
3.3 Remarks
3.4 Terms and Definitions
3.5 Abbreviations
3.6 References
4 Implementation Model
4.1 Application Entities and Data Flow
4.1.1 Functional Definition of INTAKE
4.1.2 Functional Definition of MEDIA
5 Service and Interoperability Description
5.1 Mapping of Services to Application Entities
5.2 DIMSE Services
5.2.1 Basic Worklist Management
5.2.2 Modality Performed Procedure Step
5.2.3 Unified Worklist and Procedure Step
5.2.4 Instance Availability Notification
5.2.5 Storage
5.2.5.1 Storage SCU
5.2.5.1.1 Transcoding
5.2.5.2 Storage SCP
5.2.6 Storage Commitment
5.2.6.1 Storage Commitment SCU
5.2.6.2 Storage Commitment SCP
5.2.7 Query/Retrieve
5.2.7.1 Study Root FIND SCU
5.2.7.2 Patient Root FIND SCU
5.2.7.3 Study Root MOVE SCU
5.2.7.4 Patient Root MOVE SCU
5.2.7.5 Study Root FIND SCP
5.2.7.6 Patient Root FIND SCP
5.2.7.7 Study Root MOVE SCP
5.2.7.8 Patient Root MOVE SCP
5.2.8 Print Management
5.3 DICOM Web Services
5.3.1 URI Service
5.3.2 Studies Service
5.3.3 Worklist Service
5.3.4 Non-Patient Instance Service
5.3.5 Notifications
5.3.6 Storage Commitment Service
5.4 Media Services
5.4.1 File-set Creator
5.4.2 File-set Reader
5.4.2.1 Outside Media
5.4.2.2 Wrong Directories
5.4.2.3 Duplicates and Contradictions
5.4.3 File-set Updater
5.4.4 Media Summary
5.4.5 Profiles Known and Not Claimed
5.4.6 Augmented and Private Application Profiles
5.5 Real-Time Video Services
5.6 Cross-Service Considerations
5.7 Specific Character Sets
5.8 Import Reconciliation Workflow
6 Configuration
6.1 General
6.2 DIMSE Services
6.2.1 Basic Worklist Management
6.2.2 Modality Performed Procedure Step
6.2.3 Unified Worklist and Procedure Step
6.2.4 Instance Availability Notification
6.2.5 Storage
6.2.6 Storage Commitment
6.2.7 Query/Retrieve
6.2.8 Print Management
6.3 DICOM Web Services
6.3.1 URI Service
6.3.2 Studies Service
6.3.3 Worklist Service
6.3.4 Non-Patient Instance Service
6.3.5 Storage Commitment Service
6.4 Media Storage
6.5 Real-Time Video
6.6 Audit Trail
6.7 Import and Reconciliation
7 Network and Media Communication Details
7.1 General
7.1.1 Association and File Parameters
7.2 Application Entities
7.2.1 INTAKE
7.2.1.1 Sequencing
7.2.1.2 Parameters
7.2.1.3 Association Initiation
7.2.1.4 Association Acceptance
7.2.2 MEDIA
7.2.2.1 Sequencing
7.2.2.2 Parameters
7.2.2.3 Association Initiation
7.2.2.4 Association Acceptance
7.3 Status Codes
7.3.1 General Failures
7.3.2 DIMSE Services
7.3.2.1 Basic Worklist Management
7.3.2.2 Modality Performed Procedure Step
7.3.2.3 Unified Worklist and Procedure Step
7.3.2.4 Instance Availability Notification
7.3.2.5 Storage
7.3.2.6 Storage Commitment
7.3.2.7 Query/Retrieve
7.3.2.8 Print Management
7.3.3 DICOM Web Services
8 Security
8.1 Introduction
8.2 External Network Requirements
8.3 TCP Ports
8.4 Security Profiles
8.4.1 Secure Use and User Identity
8.4.2 Secure Transport
8.4.3 Media Storage Security
8.4.4 Attribute Confidentiality
8.4.5 Digital Signatures
8.4.6 Additional Security Profiles
8.5 User Identity
8.5.1 As Association Initiator
8.5.2 As Association Acceptor
8.6 Web Security
8.7 Other Security Measures
8.7.1 Media Storage
8.7.2 Network
8.7.3 Other
A Information Object Definitions
A.1 Shared Information
A.1.1 Common Modules
A.1.2 Common Functional Groups
A.1.3 Common Private Modules
A.1.4 Coded Values
A.2 Basic Directory
A.2.1 File-set and Directory Information
A.2.2 Directory Records and Their Keys
A.2.3 Keys That Application Profiles Add
A.2.4 Icons
A.3 File Meta Information
A.4 Copies Prepared for Media
A.5 Data Items Communicated Unchanged
A.6 Copies Coerced on Import
B Structured Report Content Encoding
C Security Details
C.1 External Network Requirements
C.2 Security Profiles
D Mapping of Attributes
E Code Set Usage
"""
