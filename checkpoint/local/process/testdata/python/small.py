"""Small durable functions of the official Python SDK, each with one thing to look at: a test library that was not
written here reads what has become of them (judge.py). The functions of ../javascript/small.mjs do the same."""

import os

from aws_durable_execution_sdk_python import ParallelBranch, StepError, durable_execution
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration, MapConfig, StepConfig, WaitForCallbackConfig
from aws_durable_execution_sdk_python.retries import RetryDecision
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision

SECOND = Duration.from_seconds(1)
MINUTE = Duration.from_minutes(1)


class Declined(Exception):
    """An error of the functions' own."""


def refuse(message):
    raise Declined(message)


def charge(context):
    """A step that fails for good."""
    never = StepConfig(retry_strategy=lambda error, attempt: RetryDecision.no_retry())
    return context.step(lambda _: refuse("no money"), name="charge", config=never)


def retries(event, context):
    def busy(_):
        with open(os.environ["LEDGER"], "a+", encoding="utf-8") as ledger:  # the next attempt may be another process's
            ledger.write("busy\n")
            ledger.seek(0)
            n = len(ledger.readlines())
        if n < 3:
            raise RuntimeError("busy")
        return n

    def thrice(error, attempt):
        return RetryDecision.retry(SECOND) if attempt < 3 else RetryDecision.no_retry()

    return context.step(busy, name="busy", config=StepConfig(retry_strategy=thrice))


def wait(event, context):
    context.wait(SECOND, name="pause")
    return context.step(lambda _: "worked", name="work")


def group(event, context):
    def inner(c):
        return c.step(lambda _: 7, name="work")

    return context.run_in_child_context(lambda c: c.run_in_child_context(inner, name="inner"), name="outer")


def parallel(event, context):
    def branch(text):
        return lambda c: c.step(lambda _: text, name="work")

    branches = [ParallelBranch(name="left", func=branch("l")), ParallelBranch(name="right", func=branch("r"))]
    return context.parallel(branches, name="both").get_results()


def each(event, context):
    named = MapConfig(item_namer=lambda item, index: f"item-{item}")
    batch = context.map([1, 2, 3], lambda c, n, index, items: c.step(lambda _: 2 * n, name="double"), name="each", config=named)
    return batch.get_results()


def condition(event, context):
    def strategy(n, attempt):
        return WaitForConditionDecision.continue_waiting(SECOND) if n < 2 else WaitForConditionDecision.stop_polling()

    return context.wait_for_condition(
        lambda n, _: n + 1, name="looks", config=WaitForConditionConfig(wait_strategy=strategy, initial_state=0)
    )


def ask(timeout):
    return lambda event, context: context.wait_for_callback(
        lambda callback_id, _: None, name="answer", config=WaitForCallbackConfig(timeout=timeout)
    )


def caught(event, context):
    try:
        return charge(context)
    except StepError as error:
        return str(error)


CASES = {
    "nothing": lambda event, context: {"done": True},
    "no payload": lambda event, context: "there was none",
    "step": lambda event, context: context.step(lambda _: {"worked": event["how"]}, name="work"),
    "retries": retries,
    "wait": wait,
    "group": group,
    "parallel": parallel,
    "map": each,
    "callback": lambda event, context: context.create_callback("answer", CallbackConfig(timeout=MINUTE)).result(),
    "refusal": ask(MINUTE),
    "late": ask(SECOND),
    "condition": condition,
    "invoke": lambda event, context: context.invoke("small:live", {"how": "step"}, name="other"),
    "invoke plain": lambda event, context: context.invoke("echo", {}, name="other"),
    "invoke failure": lambda event, context: context.invoke("small:live", {"how": "failure"}, name="other"),
    "failure": lambda event, context: charge(context),
    "caught": caught,
    "throws": lambda event, context: refuse("no money at all"),
    "endless": lambda event, context: context.wait(Duration.from_days(300), name="year"),
}


@durable_execution
def small(event, context):
    return CASES[(event or {}).get("how", "no payload")](event, context)
