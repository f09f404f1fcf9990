"""Spark Connect on its way through the test: a relay that sees every statement, and can hold it, or kill who sent it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from pyspark.sql.connect.proto import base_pb2

# What is no stream on either side is not named.
STREAMS_BACK = ("ExecutePlan", "ReattachExecute")
STREAMS_IN = ("AddArtifacts",)
# Plans and answers may be of any size.
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Relay(grpc.GenericRpcHandler):
    """Connections to a server; what is overridden sees every statement. Messages pass as the bytes that they are."""

    def __init__(self, server):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{server}", OPTIONS)
        self.lock = threading.Lock()
        self.server = grpc.server(ThreadPoolExecutor(32), handlers=[self], options=OPTIONS)
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def close(self):
        self.server.stop(None)
        self.channel.close()

    def service(self, call):
        name = call.method.rpartition("/")[2]
        if name in STREAMS_BACK:
            return grpc.unary_stream_rpc_method_handler(
                lambda request, _: self.statement(call.method, request) if name == "ExecutePlan"
                else self.channel.unary_stream(call.method)(request))
        if name in STREAMS_IN:
            return grpc.stream_unary_rpc_method_handler(
                lambda requests, _: self.channel.stream_unary(call.method)(requests))
        return grpc.unary_unary_rpc_method_handler(lambda request, _: self.answer(call.method, request))

    def answer(self, method, request):
        return self.channel.unary_unary(method)(request)

    def statement(self, method, request):
        text = sql(base_pb2.ExecutePlanRequest.FromString(request))
        answers = self.channel.unary_stream(method)
        if text is None:
            yield from answers(request)
        else:
            yield from self.passing(text, lambda: answers(request))

    def passing(self, text, answers):
        """The answers to a statement; `answers()` sends it on."""
        return answers()


def sql(request):
    """The statement of a request, if it is one."""
    plan = request.plan
    command = plan.command.sql_command
    return command.input.sql.query or command.sql or plan.root.sql.query or None
