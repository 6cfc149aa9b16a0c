"""Outside instances get the identity of a patient of this site (IHE IRWF.b)."""
