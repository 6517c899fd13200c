"""How RabbitMQ, PostgreSQL and MongoDB are started: by their programs where they are installed, else as containers.

Each has its data in a directory, or a volume of the container engine, that stays. Pure.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from dataclasses import dataclass, field

from offizin.deployment.containers import Container
from offizin.deployment.machine import is_loopback, variables
from offizin.deployment.native import Program

RABBITMQ_IMAGE = "docker.io/library/rabbitmq:3.13"
POSTGRESQL_IMAGE = "docker.io/library/postgres:16"
MONGODB_IMAGE = "docker.io/library/mongo:7"


@dataclass(frozen=True, slots=True)
class ServiceProgram:
    """``signal`` ends the program. ``ready`` is script that succeeds once it does its work, for when it answers before
    that; it says ``failed`` when it never will. ``pull``: an image that is not there is fetched."""

    name: str
    program: Program
    container: Container
    signal: str = "TERM"
    ready: str = field(default="", repr=False)
    pull: bool = True


def rabbitmq(
    address: str, port: int, user: str | None, password: str | None, data: str, vhost: str = "/"
) -> ServiceProgram:
    """``user`` is made when it starts; None is RabbitMQ's own guest, who is let in from its own machine alone.
    ``data`` is the directory for its data, "" for one in the user's home.

    Its own files, ports and name: whatever else there is of RabbitMQ on the machine is left alone. Source:
    https://www.rabbitmq.com/docs/configure
    """
    listen = _own_address(address, others="::")
    login = {} if user is None else {"RABBITMQ_DEFAULT_USER": user, "RABBITMQ_DEFAULT_PASS": password or ""}
    place = {} if vhost == "/" else {"RABBITMQ_DEFAULT_VHOST": vhost}
    settings = variables(
        listen=f"[{listen}]:{port}" if ":" in listen else f"{listen}:{port}",
        name=f"offizin-{port}@localhost",
        dist=str(_beside(port, 2)),
        epmd=str(_beside(port, 3)),
        definitions="" if user is None and vhost == "/" else _definitions(user or "guest", password or "guest", vhost),
    )
    container = Container(
        name=f"offizin-rabbitmq-{port}",
        image=RABBITMQ_IMAGE,
        environment={
            **login, **place, "RABBITMQ_NODENAME": "offizin@localhost", "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_NODE_IP_ADDRESS": listen,
        },
        volumes=(f"offizin-rabbitmq-{port}:/var/lib/rabbitmq",),
        as_image_says=True,
    )  # fmt: skip
    return ServiceProgram(
        "RabbitMQ", Program("RabbitMQ", settings + _RABBITMQ, "services/rabbitmq", data=data), container
    )


def postgresql(address: str, port: int, user: str, password: str | None, database: str, data: str) -> ServiceProgram:
    """Made with ``user`` as its administrator when it starts for the first time, and with ``database`` in it.

    Without a password everybody on its own machine is let in, and it listens nowhere else.
    """
    listen = _own_address("localhost" if password is None else address, others="*")
    login = {} if password is None else {"OFFIZIN_SERVICE_PASSWORD": password}
    settings = variables(
        user=user, port=str(port), listen=listen, auth="trust" if password is None else "scram-sha-256"
    )
    ready = (
        settings
        + variables(database=database, here="127.0.0.1" if listen == "*" else listen)
        + _POSTGRESQL_PROGRAMS
        + _POSTGRESQL_READY
    )
    exports = "".join(f"export PGPASSWORD={shlex.quote(word)}\n" for word in login.values())
    container = Container(
        name=f"offizin-postgresql-{port}",
        image=POSTGRESQL_IMAGE,
        command=("postgres", "-c", f"port={port}", "-c", f"listen_addresses={listen}"),
        environment={
            "POSTGRES_USER": user, "POSTGRES_DB": database, "PGPORT": str(port),
            **({"POSTGRES_HOST_AUTH_METHOD": "trust"} if password is None else {"POSTGRES_PASSWORD": password}),
        },
        volumes=(f"offizin-postgresql-{port}:/var/lib/postgresql/data",),
        as_image_says=True,
    )  # fmt: skip
    program = Program("PostgreSQL", settings + _POSTGRESQL_PROGRAMS + _POSTGRESQL, "services/postgresql", login, data)
    return ServiceProgram("PostgreSQL", program, container, signal="INT", ready=exports + ready)


def mongodb(address: str, port: int, user: str | None, password: str | None, data: str) -> ServiceProgram:
    """Only what is there already is used: nothing of ours needs it."""
    listen = _own_address(address, others="*")
    login = {} if user is None else {"MONGO_INITDB_ROOT_USERNAME": user, "MONGO_INITDB_ROOT_PASSWORD": password or ""}
    container = Container(
        name=f"offizin-mongodb-{port}",
        image=MONGODB_IMAGE,
        command=("mongod", "--port", str(port), "--bind_ip", listen),
        environment=login,
        volumes=(f"offizin-mongodb-{port}:/data/db",),
        as_image_says=True,
    )
    command = variables(port=str(port), open="yes" if listen == "*" else "", listen=listen) + _MONGODB
    return ServiceProgram("MongoDB", Program("MongoDB", command, "services/mongodb", {}, data), container, pull=False)


def _own_address(address: str, *, others: str) -> str:
    """Where to listen: what is asked for from this machine alone is on loopback, else it is ``others``, all of them."""
    if not is_loopback(address):
        return others
    return "::1" if address.strip("[]") == "::1" else "127.0.0.1"


def _definitions(user: str, password: str, vhost: str) -> str:
    """Source: https://www.rabbitmq.com/docs/passwords and /definitions. The salt needs to be no secret."""
    word = password.encode()
    salt = hashlib.sha256(b"salt of " + user.encode() + b"\0" + word).digest()[:4]
    hashed = base64.b64encode(salt + hashlib.sha256(salt + word).digest()).decode()
    may = dict.fromkeys(("configure", "write", "read"), ".*")
    return json.dumps({
        "users": [{"name": user, "password_hash": hashed, "hashing_algorithm": "rabbit_password_hashing_sha256",
                   "tags": "administrator"}],
        "vhosts": [{"name": vhost}],
        "permissions": [{"user": user, "vhost": vhost, **may}],
    })  # fmt: skip


def _beside(port: int, distance: int) -> int:
    return port + distance if port + distance <= 65_535 else port - distance


# What Debian puts on PATH switches to the user and the directories of Debian's own service. RabbitMQ finds
# its neighbours through epmd; one of its own, so that it ends with it, is started in its session.
_RABBITMQ = """\
program=/usr/lib/rabbitmq/bin/rabbitmq-server
[ -x "$program" ] || program=$(command -v rabbitmq-server) || { say missing "/usr/lib/rabbitmq/bin, $PATH"; exit; }
for one in /usr/lib/erlang/bin /usr/local/lib/erlang/bin; do [ -d "$one" ] && PATH=$PATH:$one; done
printf 'listeners.tcp.1 = %s\\nlog.console = true\\nlog.file = false\\n' "$listen" >"$directory/rabbitmq.conf"
if [ -n "$definitions" ]; then
    printf '%s' "$definitions" >"$directory/definitions.json"
    echo "load_definitions = $directory/definitions.json" >>"$directory/rabbitmq.conf"
fi
echo '[].' >"$directory/enabled_plugins"
: >"$directory/empty.conf"
export PATH HOME="$directory" ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_NODENAME="$name" RABBITMQ_DIST_PORT="$dist" RABBITMQ_CONF_ENV_FILE="$directory/empty.conf"
export RABBITMQ_CONFIG_FILE="$directory/rabbitmq.conf" RABBITMQ_ADVANCED_CONFIG_FILE="$directory/none"
export RABBITMQ_ENABLED_PLUGINS_FILE="$directory/enabled_plugins" RABBITMQ_MNESIA_BASE="$directory/data"
export RABBITMQ_LOG_BASE="$directory/log" RABBITMQ_LOGS=- RABBITMQ_PID_FILE="$directory/pid"
export RABBITMQ_GENERATED_CONFIG_DIR="$directory/generated" RABBITMQ_ALLOW_INPUT=1
export RABBITMQ_SERVER_START_ARGS=-noinput
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
set -- sh -c 'epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 & exec "$0"' "$program"
"""

_POSTGRESQL_PROGRAMS = """\
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t / -k 5 -n | tail -n 1)
[ -n "$bin" ] && [ -x "$bin/initdb" ] || { bin=$(command -v initdb) && bin=$(dirname "$bin"); } || bin=
"""

# PostgreSQL refuses to run as root.
_POSTGRESQL = """\
[ -n "$bin" ] || { say missing "/usr/lib/postgresql, $PATH"; exit; }
as=
if [ "$(id -u)" = 0 ]; then
    for account in postgres nobody; do if id "$account" >/dev/null 2>&1; then break; fi; done
    as="setpriv --reuid=$account --regid=$(id -g "$account") --clear-groups --"
    chmod a+x "$(dirname "$directory")"
    mkdir -p "$directory/data"; chown "$account" "$directory" "$directory/data"
    $as test -x "$directory" || { say failed "the user $account, as which it must run, cannot enter $directory"; exit; }
fi
if ! [ -s "$directory/data/PG_VERSION" ]; then
    set -- -D "$directory/data" -U "$user" -E UTF8 --locale=C -A "$auth"
    if [ -n "${OFFIZIN_SERVICE_PASSWORD-}" ]; then
        printf '%s\\n' "$OFFIZIN_SERVICE_PASSWORD" >"$directory/password"
        [ -z "$as" ] || chown "$account" "$directory/password"
        set -- "$@" --pwfile="$directory/password"
    fi
    cd "$directory" && $as "$bin/initdb" "$@" >>"$log" 2>&1 </dev/null; made=$?
    rm -f "$directory/password"
    [ "$made" = 0 ] || { say failed "initdb: $(tail -n 1 "$log")"; exit; }
    [ "$auth" = trust ] || echo 'host all all all scram-sha-256' >>"$directory/data/pg_hba.conf"
fi
unset OFFIZIN_SERVICE_PASSWORD
set -- $as "$bin/postgres" -D "$directory/data" -c "port=$port" -c "listen_addresses=$listen" \
    -c unix_socket_directories=
"""

_POSTGRESQL_READY = """\
[ -n "$bin" ] || exit 0
tries=0
while [ "$tries" -lt 300 ]; do
    error=$("$bin/createdb" -h "$here" -p "$port" -U "$user" -w -T template0 "$database" 2>&1) && exit 0
    case $error in
        *'already exists'*) exit 0 ;;
        *authentication*|*'no password'*) say failed "$error"; exit 1 ;;
    esac
    sleep 0.2; tries=$((tries + 1))
done
say failed "$error"; exit 1
"""

_MONGODB = """\
command -v mongod >/dev/null || { say missing "$PATH"; exit; }
[ -z "$open" ] || { say failed "without a container it would be open to everybody; start it yourself"; exit; }
mkdir -p "$directory/data"
set -- mongod --dbpath "$directory/data" --port "$port" --bind_ip "$listen"
"""
