"""A little HTTP server that callbacks go to, and that counts them."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class CallbackReceiver:
    """Remembers the bodies that were posted to ``url(name)``, in the order they came."""

    def __init__(self) -> None:
        self._bodies: dict[str, list[dict[str, Any]]] = {}
        self._came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver._take(unquote(self.path[1:]), body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def _take(self, name: str, body: dict[str, Any]) -> None:
        with self._came:
            self._bodies.setdefault(name, []).append(body)
            self._came.notify_all()

    def of(self, name: str) -> list[dict[str, Any]]:
        with self._came:
            return list(self._bodies.get(name, ()))

    @property
    def count(self) -> int:
        with self._came:
            return sum(map(len, self._bodies.values()))

    def wait_for(self, names: Collection[str], within: float) -> set[str]:
        """Wait until each name was called back; those that were not."""
        with self._came:
            self._came.wait_for(lambda: self._bodies.keys() >= set(names), within)
            return set(names) - self._bodies.keys()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
