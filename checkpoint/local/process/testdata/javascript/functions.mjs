// Durable functions of the official JavaScript SDK, for tests of the local service. What their
// bodies do outside of the log goes to a ledger: a file with a line per effect.
import { appendFileSync, readFileSync } from "node:fs";

import {
  LambdaClient,
  SendDurableExecutionCallbackFailureCommand,
  SendDurableExecutionCallbackHeartbeatCommand,
  SendDurableExecutionCallbackSuccessCommand,
} from "@aws-sdk/client-lambda";
import { StepSemantics, withDurableExecution } from "@aws/durable-execution-sdk-js";

const lambda = new LambdaClient({});
const ledger = process.env.LEDGER;
const second = { seconds: 1 };

// effect notes an effect and returns how many times it has happened by now.
function effect(what) {
  appendFileSync(ledger, what + "\n");
  return readFileSync(ledger, "utf8").split("\n").filter((line) => line === what).length;
}

// die ends the process as the system does that is out of memory.
async function die() {
  process.kill(process.pid, "SIGKILL");
  await new Promise(() => {});
}

const again = (most) => (_, attempt) => ({ shouldRetry: attempt < most, delay: second });
const never = () => ({ shouldRetry: false });

class Declined extends Error {
  name = "Declined";
}

// order uses every operation once, and two functions of other programs.
export const order = withDurableExecution(async (event, context) => {
  const hold = await context.step(
    "reserve-stock",
    async () => {
      if (effect("reserve") < 3) throw new Error("the shelf is busy");
      return { hold: event.id };
    },
    { retryStrategy: again(3) },
  );

  const [courier, courierID] = await context.createCallback("courier", { timeout: { minutes: 5 } });
  await context.step("call-courier", async () => console.log("courier", courierID));

  const approval = await context.waitForCallback(
    "manager-approval",
    async (CallbackId) => {
      await lambda.send(new SendDurableExecutionCallbackHeartbeatCommand({ CallbackId }));
      const Result = new TextEncoder().encode(JSON.stringify({ by: "Ann" }));
      await lambda.send(new SendDurableExecutionCallbackSuccessCommand({ CallbackId, Result }));
    },
    { timeout: { minutes: 5 }, heartbeatTimeout: { minutes: 1 } },
  );

  const price = await context.invoke("price", "price:1", { items: event.items });
  const tax = await context.invoke("tax", "tax:$LATEST", price);

  const parcels = await context.map(
    "pack",
    event.items,
    async (child, item, index) => {
      if (index === 0) await child.wait("let-it-dry", second);
      return await child.step("wrap", async () => `${item} wrapped`);
    },
    { maxConcurrency: 2, itemNamer: (item) => `pack-${item}` },
  );

  const sent = await context.parallel("notify", [
    { name: "mail", func: (child) => child.step("send", async () => "mailed") },
    { name: "text", func: (child) => child.runInChildContext("gateway", async (c) => c.step("send", async () => "texted")) },
  ]);

  const parcel = await context.waitForCondition("arrival", async (state) => ({ looks: state.looks + 1 }), {
    initialState: { looks: 0 },
    waitStrategy: (state) => (state.looks < 2 ? { shouldContinue: true, delay: second } : { shouldContinue: false }),
  });

  const stars = await context.promise.all("reviews", [
    context.step("ask-buyer", async () => 5),
    context.step("ask-courier", async () => 4),
  ]);
  await context.wait("cool-off", second);

  return {
    hold, approval, price, tax, parcel, stars,
    courier: await courier,
    parcels: parcels.getResults(), packed: parcels.completionReason,
    sent: sent.getResults(),
  };
});

// price is a target of invocations.
export const price = withDurableExecution(async (event, context) => {
  const net = await context.step("sum", async () => event.items.length * 100);
  await context.wait("think", second);
  return { net };
});

// crash dies in the body of a step, in one that must not run twice, and between two steps.
export const crash = withDurableExecution(async (event, context) => {
  const repeated = await context.step("repeated", async () => {
    const n = effect("repeated");
    return n < 2 ? die() : n;
  });
  const once = await context.step(
    "once",
    async () => {
      const n = effect("once");
      return n < 2 ? die() : n;
    },
    { semantics: StepSemantics.AtMostOncePerRetry, retryStrategy: again(3) },
  );
  if (effect("between") < 2) await die();
  const kept = await context.step("kept", async () => effect("kept"));
  if (effect("end") < 2) await die();
  return { repeated, once, kept };
});

// fail fails in the way that its event says.
export const fail = withDurableExecution(async (event, context) => {
  switch (event.how) {
    case "step":
      return context.step(
        "charge-card",
        async () => {
          throw new Declined("no money");
        },
        { retryStrategy: never },
      );
    case "handler":
      throw new Declined("no money at all");
    case "caught":
      try {
        await context.step(
          "charge-card",
          async () => {
            throw new Declined("no money");
          },
          { retryStrategy: never },
        );
      } catch (error) {
        return { caught: error.name, message: error.message };
      }
      return null;
    case "refused callback":
      return context.waitForCallback("ask", async (CallbackId) => {
        const Error = { ErrorType: "Refused", ErrorMessage: "not approved" };
        await lambda.send(new SendDurableExecutionCallbackFailureCommand({ CallbackId, Error }));
      });
    case "late callback":
      return context.waitForCallback("ask", async () => {}, { timeout: second });
    case "invoke":
      return context.invoke("call", "fail:$LATEST", { how: "handler" });
    case "unknown target":
      return context.invoke("call", "absent:$LATEST", {});
    case "map": {
      const batch = await context.map(
        "pack",
        [1, 2, 3],
        (child, n) =>
          child.step(
            "wrap",
            async () => {
              if (n === 2) throw new Declined("too wide");
              return n;
            },
            { retryStrategy: never },
          ),
        { completionConfig: { toleratedFailureCount: 1 } },
      );
      return { reason: batch.completionReason, failed: batch.failureCount, results: batch.getResults() };
    }
    default:
      throw new Error(`unknown way to fail: ${event.how}`);
  }
});

// large makes a log of many pages, a group whose result is too large to be kept, and a result that
// fits no answer.
export const large = withDurableExecution(async (event, context) => {
  let sum = 0;
  for (let i = 0; i < event.steps; i++) sum += await context.step(`step-${i}`, async () => i);
  const text = await context.runInChildContext("book", async (child) => {
    const page = await child.step("page", async () => "p".repeat(1000));
    return page.repeat(300);
  });
  await context.wait("turn", second);
  if (event.bytes === 0) return { sum, length: text.length };
  return "x".repeat(event.bytes);
});
