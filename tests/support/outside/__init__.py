"""Outside media: what other people's programs put on discs, good, and damaged in ways with names.

`patients` has the instances, `directories` writes a DICOMDIR right or wrong,
`writers` has other programs make media of both, `damage` is the registry of
what may be wrong with them, and `witness` asks other programs what they see.
"""
