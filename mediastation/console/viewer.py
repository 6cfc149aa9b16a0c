"""Which picture is looked at: a way through the instances of a study, and the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mediastation.model.browsing import InstanceRow, SeriesRow
from mediastation.model.picture import Picture, WindowChange

_WIDER = 1.25
_SHIFT = 0.1
_WIDEST, _NARROWEST = 100.0, 0.01
_FARTHEST = 50.0


@dataclass(slots=True)
class Viewer:
    """Where the operator is in a study. Knows rows; reads nothing.

    `place` and `frame` are None until something is known of them: the first
    instance, the representative frame.
    """

    study: int | None = None
    series: Sequence[SeriesRow] = ()
    chosen: int = 0
    instances: Sequence[InstanceRow] = ()
    place: int = 0
    frame: int | None = None
    change: WindowChange = field(default_factory=WindowChange)

    @property
    def instance(self) -> InstanceRow | None:
        """What is looked at."""
        return self.instances[self.place] if self.place < len(self.instances) else None

    @property
    def shown_series(self) -> SeriesRow | None:
        """The series that is looked at."""
        return self.series[self.chosen] if self.chosen < len(self.series) else None

    def step(self, by: int) -> int | None:
        """Go to another instance.

        Returns None, or the number of the series, among those of the study,
        whose instances have to be read first: the way goes on there.
        """
        self.frame = None
        place = self.place + by
        if 0 <= place < len(self.instances):
            self.place = place
            return None
        other = self.chosen + (1 if by > 0 else -1)
        return other if 0 <= other < len(self.series) else None

    def enter(self, chosen: int, instances: Sequence[InstanceRow], *, at_end: bool = False) -> None:
        """Look at a series, from its first instance or its last."""
        self.chosen, self.instances, self.frame = chosen, instances, None
        self.place = max(len(instances) - 1, 0) if at_end else 0

    def step_frame(self, by: int, shown: Picture | None) -> bool:
        """Go to another frame of the picture that is shown; false where there is none."""
        if shown is None or not 0 <= shown.frame + by < shown.frames:
            return False
        self.frame = shown.frame + by
        return True

    def widen(self, narrower: bool = False) -> None:
        """Make the window wider, which gives less contrast, or narrower."""
        factor = self.change.width_factor * (1 / _WIDER if narrower else _WIDER)
        factor = min(max(factor, _NARROWEST), _WIDEST)
        self.change = WindowChange(factor, self.change.level_shift)

    def lift(self, lower: bool = False) -> None:
        """Move the window up, which makes the picture darker, or down."""
        step = _SHIFT * self.change.width_factor * (-1 if lower else 1)
        shift = min(max(self.change.level_shift + step, -_FARTHEST), _FARTHEST)
        self.change = WindowChange(self.change.width_factor, shift)

    def reset(self) -> None:
        """Show the window that the instance names."""
        self.change = WindowChange()

    def caption(self, picture: Picture | None) -> tuple[str, ...]:
        """Return the lines below the picture."""
        series = self.shown_series
        if series is None:
            return ()
        words = [f"Series {series.series_number}".strip(), series.modality]
        words += [series.series_description]
        where = f"image {self.place + 1:,} of {len(self.instances):,}" if self.instances else ""
        if picture is not None and picture.frames > 1:
            where += f", frame {picture.frame + 1:,} of {picture.frames:,}"
        what = ""
        if picture is not None:
            what = f"{picture.columns}×{picture.rows}"
            if picture.center is not None and picture.width is not None:
                what += f"  window {picture.center:g} / {picture.width:g}"
        return (" ".join(word for word in words if word), where, what)
