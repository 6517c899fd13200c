"""Stands in for a MongoDB: just the part of its wire protocol that beanie and pymongo use for small documents.

Sources: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ and the commands' pages there. Equality,
``$eq``, ``$in``, ``$and``; ``$set``, ``$setOnInsert``, ``$unset`` and replacement. One thread, everything in memory.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import bson

from tests.rabbitmq_server import free_ports

Document = dict[str, Any]
_HEADER = struct.Struct("<iiii")
_OP_REPLY, _OP_QUERY, _OP_MSG = 1, 2004, 2013
_CHECKSUM_PRESENT, _MORE_TO_COME = 1, 2
_HELLO: Document = {
    "ismaster": True, "isWritablePrimary": True, "helloOk": True, "readOnly": False, "minWireVersion": 0,
    "maxWireVersion": 21, "maxBsonObjectSize": 16 << 20, "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000, "logicalSessionTimeoutMinutes": 30, "connectionId": 1,
}  # fmt: skip


class MongoDbStandIn:
    """Listens on ``port``, from ``start`` to ``stop``; what it holds stays. ``collections`` by name."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.collections: dict[str, list[Document]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}"

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        """Nobody is served any more, and all connections are closed."""
        if self._loop is not None and self._stopping is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(10)
            self._loop = None

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        writers: set[asyncio.StreamWriter] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.add(writer)
            try:
                while True:
                    await self._answer_one(reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                writer.close()
            finally:
                writers.discard(writer)

        server = await asyncio.start_server(serve, "127.0.0.1", self.port)
        ready.set()
        await self._stopping.wait()
        server.close()
        for writer in list(writers):
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length, request, _, code = _HEADER.unpack(await reader.readexactly(_HEADER.size))
        body = await reader.readexactly(length - _HEADER.size)
        if code == _OP_QUERY:  # the first hello of a connection
            at = body.index(b"\0", 4) + 1 + 8
            (size,) = struct.unpack_from("<i", body, at)
            answer = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(self._run(bson.decode(body[at : at + size])))
            reply = _OP_REPLY
        else:
            assert code == _OP_MSG, code
            (flags,) = struct.unpack_from("<I", body)
            done = self._run(_command(body[4 : -4 if flags & _CHECKSUM_PRESENT else None]))
            if flags & _MORE_TO_COME:
                return
            answer, reply = struct.pack("<IB", 0, 0) + bson.encode(done), _OP_MSG
        writer.write(_HEADER.pack(len(answer) + _HEADER.size, 0, request, reply) + answer)
        await writer.drain()

    def _run(self, command: Document) -> Document:
        name = next(iter(command))
        if name.lower() in ("hello", "ismaster"):
            return {**_HELLO, "ok": 1.0}
        run: Callable[[Document], Document] | None = getattr(self, f"_{name.lower()}", None)
        if run is None:
            return {"ok": 0.0, "errmsg": f"no such command: {name}", "code": 59, "codeName": "CommandNotFound"}
        return {**run(command), "ok": 1.0}

    def _ping(self, _: Document) -> Document:
        return {}

    def _buildinfo(self, _: Document) -> Document:
        return {"version": "7.0.0", "versionArray": [7, 0, 0, 0]}

    def _endsessions(self, _: Document) -> Document:
        return {}

    def _listcollections(self, command: Document) -> Document:
        return _cursor(command, [{"name": name, "type": "collection"} for name in self.collections])

    def _listindexes(self, command: Document) -> Document:
        return _cursor(command, [{"v": 2, "key": {"_id": 1}, "name": "_id_"}])

    def _createindexes(self, _: Document) -> Document:
        return {"numIndexesBefore": 1, "numIndexesAfter": 2}

    def _insert(self, command: Document) -> Document:
        for document in command["documents"]:
            self._put({"_id": bson.ObjectId(), **document}, command["insert"])
        return {"n": len(command["documents"])}

    def _find(self, command: Document) -> Document:
        found = list(self._matching(command["find"], command.get("filter", {})))
        return _cursor(command, found[: command["limit"]] if command.get("limit") else found)

    def _update(self, command: Document) -> Document:
        number = 0
        upserted: list[Document] = []
        for index, one in enumerate(command["updates"]):
            old, new = self._change(command["update"], one["q"], one["u"], upsert=one.get("upsert", False))
            number += new is not None
            if old is None and new is not None:
                upserted.append({"index": index, "_id": new["_id"]})
        return {"n": number, "nModified": number - len(upserted), **({"upserted": upserted} if upserted else {})}

    def _findandmodify(self, command: Document) -> Document:
        collection = next(iter(command.values()))
        upsert = bool(command.get("upsert"))
        old, new = self._change(collection, command.get("query", {}), command["update"], upsert=upsert)
        about = {"n": int(new is not None), "updatedExisting": old is not None}
        return {"value": new if command.get("new") else old, "lastErrorObject": about}

    def _delete(self, command: Document) -> Document:
        number = 0
        for one in command["deletes"]:
            found = list(self._matching(command["delete"], one["q"]))
            for document in found[: one["limit"] or None]:
                self.collections[command["delete"]].remove(document)
                number += 1
        return {"n": number}

    def _matching(self, collection: str, query: Document) -> Iterator[Document]:
        return (each for each in self.collections.get(collection, ()) if _matches(each, query))

    def _change(
        self, collection: str, query: Document, update: Document, *, upsert: bool
    ) -> tuple[Document | None, Document | None]:
        """The first that matches, before and after."""
        old = next(self._matching(collection, query), None)
        if old is None and not upsert:
            return None, None
        if any(key.startswith("$") for key in update):
            new = dict(old) if old else {"_id": bson.ObjectId(), **{k: v for k, v in query.items() if k[0] != "$"}}
            new |= update.get("$set", {}) | ({} if old else update.get("$setOnInsert", {}))
            for key in update.get("$unset", {}):
                new.pop(key, None)
        else:
            new = {"_id": old["_id"] if old else bson.ObjectId(), **update}
        self._put(new, collection, instead_of=old)
        return old, new

    def _put(self, document: Document, collection: str, instead_of: Document | None = None) -> None:
        there = self.collections.setdefault(collection, [])
        if instead_of is None:
            there.append(document)
        else:
            there[next(i for i, each in enumerate(there) if each is instead_of)] = document


def _command(body: bytes) -> Document:
    """Of the sections of an OP_MSG."""
    command: Document = {}
    at = 0
    while at < len(body):
        kind, (size,) = body[at], struct.unpack_from("<i", body, at + 1)
        section = body[at + 1 : at + 1 + size]
        at += 1 + size
        if kind == 0:
            command = {**bson.decode(section), **command}
            continue
        end = section.index(b"\0", 4)
        documents, begin = [], end + 1
        while begin < size:
            (length,) = struct.unpack_from("<i", section, begin)
            documents.append(bson.decode(section[begin : begin + length]))
            begin += length
        command[section[4:end].decode()] = documents
    return command


def _matches(document: Document, query: Document) -> bool:
    for key, wanted in query.items():
        if key == "$and":
            if not all(_matches(document, each) for each in wanted):
                return False
        elif isinstance(wanted, dict) and any(name.startswith("$") for name in wanted):
            assert wanted.keys() <= {"$in", "$eq"}, wanted
            if "$in" in wanted and document.get(key) not in wanted["$in"]:
                return False
            if "$eq" in wanted and document.get(key) != wanted["$eq"]:
                return False
        elif document.get(key) != wanted:
            return False
    return True


def _cursor(command: Document, documents: list[Document]) -> Document:
    name, collection = next(iter(command.items()))
    return {"cursor": {"id": 0, "ns": f"{command.get('$db')}.{collection or name}", "firstBatch": documents}}
