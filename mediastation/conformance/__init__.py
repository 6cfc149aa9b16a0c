"""Application Profiles (PS3.11): loading, checking, and what would remedy a finding."""
