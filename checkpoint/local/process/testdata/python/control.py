"""Pauses, resumes and deletes an execution with boto3, and prints a line of JSON for each answer.

    python control.py ARN
"""

import json
import os
import sys

import boto3
from botocore.exceptions import ClientError

lambda_ = boto3.client("lambda", region_name=os.environ["AWS_REGION"], endpoint_url=os.environ["AWS_ENDPOINT_URL_LAMBDA"])
arn = sys.argv[1]


def ask(call, **members):
    """Makes a call, and says what has come of it and how the execution stands then."""
    try:
        answer = getattr(lambda_, call)(DurableExecutionArn=arn, **members)
        code = answer["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        answer, code = {}, error.response["Error"]["Code"]
    try:
        now = lambda_.get_durable_execution(DurableExecutionArn=arn)
    except ClientError as error:
        now = {"Status": error.response["Error"]["Code"]}
    pause = now.get("PauseDetails", {})
    print(json.dumps({
        "call": call, "code": code, "status": now["Status"], "reason": pause.get("Reason"),
        "timeoutPaused": pause.get("ExecutionTimeoutPaused"), "timesOut": "ExpectedExecutionTimeoutTimestamp" in now,
        "deleted": "DeletionRequestTimestamp" in answer,
    }), flush=True)


ask("pause_durable_execution", Reason="bad deploy")
ask("pause_durable_execution")
ask("delete_durable_execution")
ask("resume_durable_execution", Reason="mended")
ask("resume_durable_execution")
ask("pause_durable_execution", ExecutionTimeoutPaused=False)
ask("stop_durable_execution")
events = lambda_.get_durable_execution_history(DurableExecutionArn=arn, IncludeExecutionData=True)["Events"]
for e in events:
    if e["EventType"] in ("ExecutionPaused", "ExecutionResumed"):
        print(json.dumps({
            "event": e["EventType"], "id": e["Id"], "reason": e[e["EventType"] + "Details"].get("Reason", {}).get("Payload"),
        }), flush=True)
ask("delete_durable_execution")
ask("delete_durable_execution")
