"""What the queue can run: for each kind of job its request, and the use case behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mediastation.burn.drive import Drive, path_of
from mediastation.catalog.selection import is_selector
from mediastation.errors import ConfigError
from mediastation.model.event import Listener
from mediastation.model.job import PASSWORD
from mediastation.model.ledger import NOBODY, Disclosure
from mediastation.station.burning.request import BurnRequest
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.intake.request import ImportRequest, ReconcileRequest
from mediastation.station.station import Station
from mediastation.station.traffic.requests import FetchRequest, SendRequest
from mediastation.station.updating.request import UpdateRequest

_SOURCES = frozenset({"sources", "add"})


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """One reread of a medium; the fields are the words of `mediastation.station.verification`.

    Passwords, of envelopes and of the files in `key`, are never in a request:
    who runs it is given them apart. `with_password` says that there is one, so
    that the job asks for it where it does not come; without it and `key`,
    nothing is asked, and envelopes prove their own bytes.
    """

    medium: Path
    manifest: Path | None = None
    profile: str = ""
    as_recipient: bool = False
    report_file: Path | None = None
    key: tuple[Path, ...] = ()
    with_password: bool = False


@dataclass(frozen=True, slots=True)
class ReprintRequest:
    """One medium made again; the fields are the words of `reprint`."""

    of: int
    output: Path
    volume: int | None = None
    disclosure: Disclosure = NOBODY


@dataclass(frozen=True, slots=True)
class BlankRequest:
    """One disc made blank.

    `content` is what somebody saw on it and gave up, line by line: another
    disc that lies there by then is left as it is.
    """

    drive: str
    content: tuple[str, ...] = ()
    whole: bool = False


Request = (
    ExportRequest
    | UpdateRequest
    | BurnRequest
    | VerifyRequest
    | ReprintRequest
    | BlankRequest
    | SendRequest
    | FetchRequest
    | ImportRequest
    | ReconcileRequest
)


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of job.

    Parameters
    ----------
    request : type
        Its request.
    run : callable
        Does the work, and returns when the job has ended or asks something.
    drive_of : callable
        The drive that the work needs; empty for none.
    spoils_disc : bool
        Whether a disc is lost where the work is interrupted: a station that
        stops lets it come to its end.
    """

    request: type[Any]
    run: Callable[[Station, Any, Listener], object]
    drive_of: Callable[[Any], str] = lambda request: ""  # noqa: ARG005
    spoils_disc: bool = False


def read_request(kind: str, told: Mapping[str, Any]) -> Any:
    """Return the request that the job table keeps as `told`.

    Raises
    ------
    ConfigError
        If the queue runs no such jobs, or the request is none of theirs.
    """
    request = _kind(kind).request
    known = {field.name for field in fields(request)}
    try:
        return TypeAdapter(request).validate_python(
            {name: value for name, value in told.items() if name in known}
        )
    except ValidationError as fault:
        raise ConfigError(
            f"The request of this {kind} job cannot be read: {fault.errors()[0]['msg']}.",
            "It was written by another version of Mediastation; ask for the work anew.",
        ) from fault


def kind_of(request: Request) -> str:
    """Return the kind of job that a request is for."""
    return next(name for name, kind in KINDS.items() if kind.request is type(request))


def run_request(station: Station, kind: str, request: Any, listener: Listener) -> None:
    """Do the work of a job that was claimed."""
    _kind(kind).run(station, request, listener)


def drive_of(request: Request) -> str:
    """Return the drive that a request needs; empty where it needs none.

    Raises
    ------
    ConfigError
        If it needs several.
    """
    return KINDS[kind_of(request)].drive_of(request)


def placed(request: Request) -> Any:
    """Return `request` with its paths made absolute: a worker has a working folder of its own."""
    changed: dict[str, Any] = {}
    for field in fields(request):
        value = getattr(request, field.name)
        if isinstance(value, Path):
            changed[field.name] = value.absolute()
        elif field.name in {"include", "key", "recipients"}:
            changed[field.name] = tuple(path.absolute() for path in value)
        elif field.name in {"drive", "drives"}:
            one = field.name == "drive"
            drives = tuple(map(_drive_placed, (value,) if one else value))
            changed[field.name] = drives[0] if one else drives
        elif field.name in _SOURCES:
            changed[field.name] = tuple(
                source if is_selector(source) else str(Path(source).absolute()) for source in value
            )
    return replace(request, **changed)


def _drive_placed(drive: str) -> str:
    scheme, colon, path = drive.rpartition(":")
    return f"{scheme}{colon}{Path(path).absolute()}" if path else drive


def as_row(request: Request) -> dict[str, Any]:
    """Return what the job table keeps of a request."""
    told = asdict(request)
    return {name: _plain(value) for name, value in told.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _kind(name: str) -> JobKind:
    if name not in KINDS:
        raise ConfigError(
            f"The queue runs no jobs called {name!r}.", f"It runs {', '.join(sorted(KINDS))}."
        )
    return KINDS[name]


def _export(station: Station, request: ExportRequest, listener: Listener) -> object:
    from mediastation.station.exporting.export import export  # noqa: PLC0415 - a worker loads what it runs
    from mediastation.station.serving.job_password import (  # noqa: PLC0415
        keep_for_later,
        take_password,
    )

    password = take_password(station) if request.with_password else None
    result = export(station, request, listener, password=password)
    if password is not None and result.question and result.question.kind != PASSWORD:
        keep_for_later(station, result.job, password)
    return result


def _update(station: Station, request: UpdateRequest, listener: Listener) -> object:
    from mediastation.station.updating.update import update  # noqa: PLC0415

    return update(station, request, listener)


def _burn(station: Station, request: BurnRequest, listener: Listener) -> object:
    from mediastation.station.burning.burn import burn  # noqa: PLC0415

    return burn(station, request, listener)


def _verify(station: Station, request: VerifyRequest, listener: Listener) -> object:
    from mediastation.station.serving.job_password import take_password  # noqa: PLC0415
    from mediastation.station.verification import verify  # noqa: PLC0415

    return verify(
        station,
        request.medium,
        request.manifest,
        listener,
        profile=request.profile,
        as_recipient=request.as_recipient,
        report_file=request.report_file,
        key=request.key,
        with_password=request.with_password,
        password=take_password(station) if request.with_password or request.key else None,
    )


def _reprint(station: Station, request: ReprintRequest, listener: Listener) -> object:
    from mediastation.station.exporting.reprint import reprint  # noqa: PLC0415

    return reprint(
        station, request.of, request.output, request.volume, request.disclosure, listener
    )


def _blank(station: Station, request: BlankRequest, listener: Listener) -> object:
    from mediastation.station.burning.drives import blank  # noqa: PLC0415

    def confirm(_: Drive, content: list[str]) -> bool:
        return tuple(content) == request.content

    return blank(station, request.drive, confirm, listener, whole=request.whole)


def _send(station: Station, request: SendRequest, listener: Listener) -> object:
    from mediastation.station.traffic.send import send  # noqa: PLC0415

    return send(station, request, listener)


def _fetch(station: Station, request: FetchRequest, listener: Listener) -> object:
    from mediastation.station.traffic.fetch import fetch  # noqa: PLC0415

    return fetch(station, request, listener)


def _import(station: Station, request: ImportRequest, listener: Listener) -> object:
    from mediastation.station.intake.import_medium import import_medium  # noqa: PLC0415
    from mediastation.station.serving.job_password import take_password  # noqa: PLC0415

    return import_medium(station, request, listener, password=take_password(station))


def _reconcile(station: Station, request: ReconcileRequest, listener: Listener) -> object:
    from mediastation.station.reconciling.reconcile import reconcile  # noqa: PLC0415

    return reconcile(station, request, listener)


def _drive_of_burn(request: BurnRequest) -> str:
    if len(request.drives) != 1:
        raise ConfigError(
            "A burn in the queue is for one drive.", "Ask for one burn on each of the drives."
        )
    return request.drives[0]


def _drive_of_medium(request: VerifyRequest | ImportRequest) -> str:
    return str(request.medium) if request.medium.is_block_device() else ""


def spoils_disc(kind: str) -> bool:
    """Tell whether a disc is lost where a job of this kind is interrupted."""
    return kind in KINDS and KINDS[kind].spoils_disc


def resource_of(drive: str) -> str:
    """Return what the job table calls a drive, by whatever link it was named."""
    return str(path_of(drive).resolve()) if drive else ""


KINDS: Mapping[str, JobKind] = MappingProxyType(
    {
        "export": JobKind(ExportRequest, _export),
        "update": JobKind(UpdateRequest, _update),
        "burn": JobKind(BurnRequest, _burn, _drive_of_burn, spoils_disc=True),
        "verify": JobKind(VerifyRequest, _verify, _drive_of_medium),
        "reprint": JobKind(ReprintRequest, _reprint),
        "blank": JobKind(BlankRequest, _blank, lambda request: request.drive, spoils_disc=True),
        "send": JobKind(SendRequest, _send),
        "fetch": JobKind(FetchRequest, _fetch),
        "reconcile": JobKind(ReconcileRequest, _reconcile),
        "import": JobKind(ImportRequest, _import, _drive_of_medium),
    }
)
