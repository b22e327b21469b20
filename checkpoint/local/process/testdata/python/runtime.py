"""A Lambda runtime in a few lines: it asks the Runtime API for events, hands them to a function of a module, and posts
what that returns or raises.

    python runtime.py small small
"""

import http.client
import importlib
import json
import os
import sys
import time
import traceback


class Context:
    """What a handler is told of its invocation."""

    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.tenant_id = headers.get("Lambda-Runtime-Aws-Tenant-Id")
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = self.log_stream_name = self.client_context = self.identity = None
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return self._deadline - int(time.time() * 1000)

    def log(self, message):
        print(message)


def call(method, path, body=None):
    """Makes one call of the Runtime API. There is no timeout: the process lives as long as its host wants."""
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, f"/2018-06-01/runtime/{path}", body)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    if response.status >= 300:
        raise RuntimeError(f"{method} {path}: {response.status} {text}")
    return response.headers, text


def report(error):
    """Describes an error as the Runtime API wants it."""
    frames = [line.rstrip() for line in traceback.format_tb(error.__traceback__)]
    return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": frames})


def main(module, name):
    try:
        handler = getattr(importlib.import_module(module), name)
    except Exception as error:  # pylint: disable=broad-except
        call("POST", "init/error", report(error))
        sys.exit(1)
    while True:
        headers, text = call("GET", "invocation/next")
        try:
            kind, answer = "response", json.dumps(handler(json.loads(text), Context(headers)))
        except Exception as error:  # pylint: disable=broad-except
            kind, answer = "error", report(error)
        call("POST", f"invocation/{headers['Lambda-Runtime-Aws-Request-Id']}/{kind}", answer)


main(*sys.argv[1:])
