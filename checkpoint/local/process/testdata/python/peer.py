"""The service of AWS's testing library for Python (store, executor, invoker and web server, as they are) around a
function that runs elsewhere: it starts one execution of it and does what the lines of its standard input say.

    python peer.py http://127.0.0.1:8001 '{"id":"A-1"}'

It prints the port of its web server, and a line of JSON for each that it reads: "pause" asks for a pause and waits
until it is recorded, "paused" waits until no invocation runs, "resume" ends the pause, "end" waits for the result.
"""

import json
import logging
import sys
import threading
import time

from aws_durable_execution_sdk_python_testing.checkpoint.processor import CheckpointProcessor
from aws_durable_execution_sdk_python_testing.executor import Executor
from aws_durable_execution_sdk_python_testing.invoker import LambdaInvoker
from aws_durable_execution_sdk_python_testing.model import StartDurableExecutionInput
from aws_durable_execution_sdk_python_testing.scheduler import Scheduler
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore
from aws_durable_execution_sdk_python_testing.web.server import WebServer, WebServiceConfig
from aws_durable_execution_sdk_python_testing.worker.registry import ExecutionRegistry

function, payload = sys.argv[1:]
store, scheduler = InMemoryExecutionStore(), Scheduler()
processor = CheckpointProcessor(store, scheduler)
executor = Executor(
    store, scheduler, LambdaInvoker.create(function, "us-east-1"), processor,
    registry=ExecutionRegistry(store, scheduler), region="us-east-1",
)
processor.add_execution_observer(executor)
scheduler.start()
server = WebServer(WebServiceConfig(host="127.0.0.1", port=0, log_level=logging.WARNING), executor)
threading.Thread(target=server.serve_forever, daemon=True).start()


def say(**line):
    print(json.dumps(line), flush=True)


say(port=server.server_address[1])
arn = executor.start_execution(StartDurableExecutionInput(
    account_id="123456789012", function_name="peer", function_qualifier="1", execution_name="A-1",
    execution_timeout_seconds=60, execution_retention_period_days=1, invocation_id="8f3c", input=payload,
)).execution_arn
pausing = None
for word in sys.stdin:
    match word.strip():
        case "pause":
            pausing = threading.Thread(target=executor.pause_execution, args=(arn,))
            pausing.start()
            while not executor.get_execution(arn).is_paused:
                time.sleep(0.01)
        case "paused":
            pausing.join()
        case "resume":
            executor.resume_execution(arn)
        case "end":
            executor.wait_until_complete(arn, timeout=30)
    e = executor.get_execution(arn)
    say(word=word.strip(), paused=e.is_paused, complete=e.is_complete, operations=[
        f"{o.name or '-'} {o.status.value}" for o in e.operations if o.operation_type.value != "EXECUTION"
    ], result=e.result.result if e.is_complete and e.result else None)
server.shutdown()
executor.shutdown()
