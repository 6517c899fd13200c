"""The broker of a cluster: RabbitMQ 3.10 and later. Needs the extra ``cluster``; imported only where it is asked for.

Everything is durable and confirmed, and still nothing depends on it: the database is the truth, and a broker that comes
back empty has lost nothing but time.
"""

from offizin.brokers.rabbitmq.broker import RabbitMqBroker
from offizin.brokers.rabbitmq.link import Backoff

__all__ = ["Backoff", "RabbitMqBroker"]
