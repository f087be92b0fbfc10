"""A gRPC proxy that makes a server announce version 2.0 of the remote execution API too.

    capabilities_proxy.py LISTEN_PORT SERVER_PORT

buildbox-casd announces 2.1 and newer, Bazel 7 asks for 2.0 and then, with nothing but a
warning, goes without the cache. All messages pass as the bytes that they are, but for the
answer to GetCapabilities.
"""

import sys
from collections.abc import Iterator
from concurrent import futures
from typing import Any, Optional

import grpc

GET_CAPABILITIES = "/build.bazel.remote.execution.v2.Capabilities/GetCapabilities"
LOW_API_VERSION_2_0 = b"\x22\x04\x08\x02\x10\x00"
"""Field 4 of ServerCapabilities, `low_api_version {major: 2, minor: 0}`. Appended to a message, a
field takes the place of the one before it (Protocol Buffers, "Encoding")."""


class Proxy(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Passes every call on as a stream of messages in both directions."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def service(self, handler_call_details: Any) -> Optional[Any]:
        method = handler_call_details.method
        call = self._channel.stream_stream(method)

        def answer(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
            metadata = [
                (key, value)
                for key, value in context.invocation_metadata()
                if not key.startswith(("grpc-", ":")) and key != "user-agent"
            ]
            answers = call(requests, metadata=metadata)
            context.add_callback(answers.cancel)
            try:
                for message in answers:
                    yield message + (LOW_API_VERSION_2_0 if method == GET_CAPABILITIES else b"")
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())

        return grpc.stream_stream_rpc_method_handler(answer)


def main() -> None:
    listen, server = sys.argv[1:]
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    channel = grpc.insecure_channel(f"127.0.0.1:{server}", options=unlimited)
    proxy = grpc.server(
        futures.ThreadPoolExecutor(64), handlers=[Proxy(channel)], options=unlimited
    )
    proxy.add_insecure_port(f"127.0.0.1:{listen}")
    proxy.start()
    proxy.wait_for_termination()


if __name__ == "__main__":
    main()
