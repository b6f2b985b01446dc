"""One door for all transports."""

from collections.abc import Callable, Mapping, Sequence

from audits.siem import file, syslog, webhook
from audits.siem.address import Sink, Transport
from audits.siem.record import Record
from audits.siem.rendering import render
from audits.siem.transport import Message, Options

DELIVER: Mapping[Transport, Callable[[Sink, Sequence[Message], Options], None]] = {
    "syslog+tls": syslog.deliver,
    "syslog+tcp": syslog.deliver,
    "https": webhook.deliver,
    "http": webhook.deliver,
    "file": file.deliver,
}


def prepared(sink: Sink, record: Record) -> Message:
    return Message(record, render(sink.format, record))


def send(sink: Sink, messages: Sequence[Message], options: Options) -> None:
    """Deliver the messages in their order.

    Raises:
        audits.siem.transport.NotDelivered: the receiver did not confirm them all.
    """
    DELIVER[sink.transport](sink, messages, options)
