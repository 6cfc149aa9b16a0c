"""Our own UDF writer: one volume, one partition, one File Set, one session, in one pass.

`revision` is what differs between revisions, `encoding` the small types, `volume` and `entry`
the descriptors, `names` what may lie on a medium, `layout` where everything goes, `image` the
writing. Nothing here reads a file system.
"""

from mediastation.media.udf.image import UdfImage
from mediastation.media.udf.names import check_udf

__all__ = ["UdfImage", "check_udf"]
