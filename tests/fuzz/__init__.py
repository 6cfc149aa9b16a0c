"""A structure-aware fuzzer for everything that reads outside bytes.

``python -m tests.fuzz --target all --minutes 10`` starts from small valid media,
spoils their lengths, offsets, counts, tags and names, makes checksums fit again
so that the spoiled ones are believed, and lets each reader do all that it can.
What may come out is a value, a finding or a documented error, soon and cheaply;
anything else is a failure, and its input is kept outside the project.

The modules: `engine` runs cases in children under limits, `coverage` tells which
inputs are worth keeping, `mutation` spoils, `oracles` judge, `targets` know one
format each. Only ``test_smoke.py`` is part of the suite.
"""
