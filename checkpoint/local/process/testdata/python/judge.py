"""Runs functions of small.py against a service, as AWS's testing library for Python does with functions that are
deployed, and prints a line of JSON for each: what the library has read.

    python judge.py small:live '{"name":"step","payload":{"how":"step"}}' …

A case with an answer has a callback "answer" that it is sent to; the execution of one with "stop" is stopped.
"""

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from aws_durable_execution_sdk_python.lambda_service import ErrorObject
from aws_durable_execution_sdk_python_testing.runner import DurableFunctionCloudTestRunner

FUNCTION = sys.argv[1]
printing = threading.Lock()


def error_of(error):
    return f"{error.type}: {error.message}" if error else None


def walk(operations, parent, lines):
    """Says where each operation is, what it is, and how it stands."""
    for o in operations:
        path = (parent + "/" if parent else "") + (o.name or "-")
        lines.append(f"{path} {o.sub_type or o.operation_type.value} {o.status.value}")
        walk(getattr(o, "child_operations", None) or [], path, lines)


def read(case):
    """Waits for the end of a case, and says what the library has of it."""
    runner = DurableFunctionCloudTestRunner(
        function_name=case.get("target", FUNCTION), region=os.environ["AWS_REGION"],
        lambda_endpoint=os.environ["AWS_ENDPOINT_URL_LAMBDA"], poll_interval=0.2,
    )
    payload = case.get("payload")
    if not {"answer", "refuse", "stop"} & case.keys():
        result = runner.run(input=payload, timeout=40)
    else:
        arn = runner.run_async(input=payload, timeout=40)
        if "stop" in case:
            runner.lambda_client.stop_durable_execution(
                DurableExecutionArn=arn, Error={"ErrorType": "Enough", "ErrorMessage": case["stop"]}
            )
        else:
            callback = runner.wait_for_callback(arn, timeout=40)
            if "answer" in case:
                runner.send_callback_success(callback, case["answer"].encode())
            else:
                runner.send_callback_failure(callback, ErrorObject(case["refuse"], "Refused", None, None))
        result = runner.wait_for_result(arn, timeout=40)
    lines = []
    walk(result.operations, "", lines)
    return {
        "name": case["name"], "status": result.execution_status.value,
        "result": json.loads(result.result) if result.result else None,
        "error": error_of(result.error), "operations": sorted(lines),
    }


def one(text):
    case = json.loads(text)
    try:
        line = read(case)
    except Exception as error:  # pylint: disable=broad-except
        line = {"name": case["name"], "refused": f"{type(error).__name__}: {error}"}
    with printing:
        print(json.dumps(line), flush=True)


with ThreadPoolExecutor(max_workers=4) as pool:  # each case that runs may need a process of its own
    list(pool.map(one, sys.argv[2:]))
