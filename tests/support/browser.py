"""A browser without a screen, driven over two pipes: no port, no network, nothing outside a folder.

Chromium reads commands of its DevTools protocol from descriptor 3 and answers on 4, each
message JSON with a NUL behind it.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.peers import peer

_READ_SIZE = 1 << 20
_LONGEST_S = 60.0
_FREE_DESCRIPTOR = 10

_SWITCHES = (
    # It shows our own pages only, and its sandbox starts neither as root nor in most containers.
    "--no-sandbox", "--headless=new", "--remote-debugging-pipe", "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--disable-gpu", "--disable-dev-shm-usage", "--metrics-recording-only",
    "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


class Browser:
    """Chromium with one page; its profile and its downloads lie in `folder`.

    Use it as a context manager: it ends the process, and what that started.
    """

    def __init__(self, folder: Path) -> None:
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True)
        self._folder = folder
        self._number = 0
        self._rest = bytearray()
        self._events: list[dict[str, Any]] = []
        self._once: dict[str, Any] = {}
        self._session = ""
        self._start()
        try:
            self._command("Browser.getVersion")
            target = self._command("Target.createTarget", url="about:blank")["targetId"]
            attached = self._command("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
            for domain in ("Page", "Runtime", "DOM", "Log", "Network"):
                self._command(f"{domain}.enable")
            self._command(
                "Browser.setDownloadBehavior",
                behavior="allow",
                downloadPath=str(self.downloads),
                eventsEnabled=True,
            )
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def go(self, url: str) -> None:
        """Load a page and wait until it is there."""
        self._events.clear()
        self._command("Page.navigate", url=url)
        self._wait_for("Page.loadEventFired")
        if self._once:
            self._command("Page.removeScriptToEvaluateOnNewDocument", **self._once)
            self._once = {}

    def on_new_page(self, script: str) -> None:
        """Run a script before those of the next page, and of that one only."""
        self._once = self._command("Page.addScriptToEvaluateOnNewDocument", source=script)

    def run(self, script: str) -> Any:
        """Return what an expression of JavaScript comes to; a promise is waited for."""
        answer = self._command(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            raise AssertionError(f"the page's script failed: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_until(self, condition: str) -> None:
        """Wait until an expression becomes true; the page looks each time it is drawn."""
        self.run(
            "new Promise(resolve => { const look = () => "
            f"({condition}) ? resolve() : setTimeout(look, 5); look(); }})"
        )

    def set_files(self, selector: str, paths: Sequence[Path]) -> None:
        """Put files, or a folder where the field takes one, into a field as a person would."""
        root = self._command("DOM.getDocument")["root"]["nodeId"]
        found = self._command("DOM.querySelector", nodeId=root, selector=selector)
        self._command("DOM.setFileInputFiles", nodeId=found["nodeId"], files=[*map(str, paths)])

    def type(self, selector: str, text: str) -> None:
        """Type into a field what was not in it before."""
        self.run(f"{{ const it = document.querySelector({selector!r}); it.focus(); it.select(); }}")
        self._command("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click in the middle of an element, as a hand would: what covers it is clicked instead."""
        place = self.run(
            f"(() => {{ const it = document.querySelector({selector!r});"
            "it.scrollIntoView({block: 'center'}); const box = it.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._command(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )

    def drop(self, selector: str, paths: Sequence[Path]) -> None:
        """Drop files or folders on an element."""
        place = self.run(
            f"(() => {{ const box = document.querySelector({selector!r}).getBoundingClientRect();"
            "return [box.x + 5, box.y + 5]; })()"
        )
        data = {"items": [], "files": [*map(str, paths)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self._command("Input.dispatchDragEvent", type=kind, x=place[0], y=place[1], data=data)

    def download(self, script: str) -> Path:
        """Run what starts a download; return the file when all of it is there."""
        self.run(script)
        begun = self._wait_for("Browser.downloadWillBegin")
        while self._wait_for("Browser.downloadProgress")["state"] == "inProgress":
            pass
        return self.downloads / str(begun["suggestedFilename"])

    def picture(self, width: int, height: int, *, whole: bool = False) -> bytes:
        """Return the page as a PNG in a window of that size, or all of it at that width."""
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        shown = self._command("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(shown["data"])

    def asked_for(self) -> list[str]:
        """Return the addresses that were asked for since the page was loaded, its own first."""
        self.run("0")
        asked = [e for e in self._events if e["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in asked]

    def complaints(self) -> list[str]:
        """Return what the browser wrote to its console since the page was loaded."""
        self.run("0")
        entries = [e["params"] for e in self._events if e["method"] == "Log.entryAdded"]
        thrown = [e["params"] for e in self._events if e["method"] == "Runtime.exceptionThrown"]
        return [entry["entry"]["text"] for entry in entries] + [str(each) for each in thrown]

    def close(self) -> None:
        """End the browser; kill what does not end."""
        with suppress(OSError):
            self._send("Browser.close")
            while self._more(10.0):
                pass
        for descriptor in (self._to, self._from):
            os.close(descriptor)
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def _start(self) -> None:
        home = self._folder / "home"
        home.mkdir()
        switches = [*_SWITCHES, f"--user-data-dir={self._folder / 'profile'}"]
        environment = {
            "HOME": str(home), "TMPDIR": str(self._folder), "PATH": os.environ["PATH"],
            "XDG_RUNTIME_DIR": str(home), "LANG": "C.UTF-8",
        }  # fmt: skip
        ends = [*os.pipe(), *os.pipe()]
        # Above 4, lest one of them is written over while they are put in place.
        read_commands, self._to, self._from, write_answers = (
            fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _FREE_DESCRIPTOR) for end in ends
        )
        for end in ends:
            os.close(end)
        self._log = self._folder / "browser.log"
        program = peer("chromium")
        self._pid = os.posix_spawn(
            program,
            [program, *switches],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self._log), os.O_WRONLY | os.O_CREAT, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, read_commands, 3),
                (os.POSIX_SPAWN_DUP2, write_answers, 4),
            ],
            setpgroup=0,
        )
        os.close(read_commands)
        os.close(write_answers)

    def _send(self, method: str, **parameters: Any) -> int:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session and not method.startswith(("Browser.", "Target.")):
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        return self._number

    def _command(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = self._send(method, **parameters)
        while True:
            message = self._next()
            if message.get("id") != number:
                self._events.append(message)
            elif "error" in message:
                raise AssertionError(f"{method}: {message['error']}")
            else:
                result: dict[str, Any] = message["result"]
                return result

    def _wait_for(self, method: str) -> dict[str, Any]:
        for index, event in enumerate(self._events):
            if event["method"] == method:
                found: dict[str, Any] = self._events.pop(index)["params"]
                return found
        while (event := self._next()).get("method") != method:
            self._events.append(event)
        parameters: dict[str, Any] = event["params"]
        return parameters

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + _LONGEST_S
        while b"\0" not in self._rest:
            if not self._more(deadline - time.monotonic()):
                said = self._log.read_text(errors="replace")[-2000:]
                raise AssertionError(f"the browser gives no answer; it said: {said}")
        message, _, self._rest = self._rest.partition(b"\0")
        decoded: dict[str, Any] = json.loads(message)
        return decoded

    def _more(self, seconds: float) -> bool:
        """Read what there is; False at the end or when time is up."""
        ready, _, _ = select.select([self._from], [], [], max(0.0, seconds))
        some = os.read(self._from, _READ_SIZE) if ready else b""
        self._rest += some
        return bool(some)
