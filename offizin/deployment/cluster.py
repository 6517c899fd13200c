"""What one server starts of its cluster, in the order in which it needs it: database, queue, workers."""

from __future__ import annotations

import logging

from offizin.clock import Clock
from offizin.deployment import service_programs
from offizin.deployment.deployment import Deployment
from offizin.deployment.file_memory import FileMemory
from offizin.deployment.machines import host_plans
from offizin.deployment.services import ServiceDeployment
from offizin.deployment.wanted import Memory
from offizin.errors import OffizinError, Unavailable
from offizin.settings import Settings
from offizin.settings.database_url import password_of
from offizin.settings.reference_config import Service

log = logging.getLogger(__name__)


class Cluster:
    """Of what the configuration does not name, nothing is started. What is started stands in the database; the database
    itself, in a file of the home. Raises SettingsInvalid when it is made."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        host_plans(settings.reference)
        self._settings = settings
        self._clock = clock
        self._database: ServiceDeployment | None = None
        self._queues: list[ServiceDeployment] = []
        self._workers: Deployment | None = None

    async def start_database(self) -> None:
        """Raises Unavailable."""
        store = self._settings.store
        if store is None or store.skip_deployment:
            return
        url = store.url
        if not url.host or url.host.startswith("/"):
            raise Unavailable(
                f"the database {url} cannot be started from here: it has no network address",
                advice="Write its host into the URL, as in postgresql://user:password@127.0.0.1:5432/offizin, or set "
                "skip_deployment: true.",
            )
        port = url.port or 5432
        service = service_programs.postgresql(
            url.host, port, url.user or "offizin", password_of(url), url.database, self._data
        )
        memory = FileMemory(self._settings.home / "postgresql.json")
        self._database = ServiceDeployment(service, url.host, port, None, memory, self._clock)
        await self._database.start()

    async def start_queue(self, memory: Memory) -> None:
        """RabbitMQ; and MongoDB, if it is named and can be found: without it, that is told. Raises Unavailable."""
        config = self._settings.reference
        if (queue := config.process_queue) is not None and not queue.skip_deployment:
            login = queue.credentials
            user, password = (None, None) if login is None else (login.username, login.password)
            data, vhost = self._data_of(queue), queue.vhost
            service = service_programs.rabbitmq(queue.address, queue.port, user, password, data, vhost)
            await self._start(service, queue, memory)
        if (database := config.database) is not None and not database.skip_deployment:
            login = database.credentials
            user, password = (None, None) if login is None else (login.username, login.password)
            service = service_programs.mongodb(database.address, database.port, user, password, self._data_of(database))
            try:
                await self._start(service, database, memory)
            except OffizinError as error:
                log.warning("%s. Only workers of the reference need it.", error)

    async def start_workers(self, memory: Memory, *, owner: str, queue: str, host: str, port: int, token: str) -> None:
        """Returns at once, see Deployment. ``queue`` is the URL of RabbitMQ with its password; ``token`` lets workers
        in where this server listens."""
        settings = self._settings
        self._workers = Deployment(
            settings.reference, memory, self._clock,
            owner=owner, grace=settings.worker_grace, bootstrap=settings.bootstrap,
        )  # fmt: skip
        scheme = "http" if settings.tls_certificate is None else "https"
        await self._workers.start(queue=queue, host=host, port=port, scheme=scheme, token=token)

    async def stop_workers(self) -> None:
        """What they do is finished or handed back."""
        if self._workers is not None:
            await self._workers.stop()
            self._workers = None

    async def stop_queue(self) -> None:
        """While the database can still be written."""
        while self._queues:
            await _stop(self._queues.pop())

    async def stop_database(self) -> None:
        if self._database is not None:
            await _stop(self._database)
            self._database = None

    async def give_up(self) -> None:
        """Leave all that runs to the next life of this server: others need it, and this one may write nothing more."""
        if self._workers is not None:
            await self._workers.give_up()
            self._workers = None
        self._queues.clear()
        self._database = None

    @property
    def _data(self) -> str:
        return str(self._settings.home.absolute())

    def _data_of(self, service: Service) -> str:
        return self._data if service.ssh is None else ""

    async def _start(self, program: service_programs.ServiceProgram, service: Service, memory: Memory) -> None:
        deployment = ServiceDeployment(program, service.address, service.port, service.ssh, memory, self._clock)
        self._queues.append(deployment)
        await deployment.start()


async def _stop(service: ServiceDeployment) -> None:
    try:
        await service.stop()
    except Unavailable as error:
        log.error("%s %s", error, error.advice)
    except Exception:  # the end of the server must not suffer
        log.exception("a service could not be ended")
