// Small durable functions of the official JavaScript SDK, each with one thing to look at: a test library that was not
// written here reads what has become of them (judge.mjs). The functions of ../python/small.py do the same.
import { appendFileSync, readFileSync } from "node:fs";

import { withDurableExecution } from "@aws/durable-execution-sdk-js";

const second = { seconds: 1 };
const never = () => ({ shouldRetry: false });

class Declined extends Error {
  name = "Declined";
}

// charge is a step that fails for good.
const charge = (context) =>
  context.step(
    "charge",
    async () => {
      throw new Declined("no money");
    },
    { retryStrategy: never },
  );

const cases = {
  nothing: async () => ({ done: true }),
  "no payload": async () => "there was none",
  step: (event, context) => context.step("work", async () => ({ worked: event.how })),
  retries: (event, context) =>
    context.step(
      "busy",
      async () => {
        appendFileSync(process.env.LEDGER, "busy\n"); // the next attempt may be another process's
        const n = readFileSync(process.env.LEDGER, "utf8").trim().split("\n").length;
        if (n < 3) throw new Error("busy");
        return n;
      },
      { retryStrategy: (_, attempt) => ({ shouldRetry: attempt < 3, delay: second }) },
    ),
  wait: async (event, context) => {
    await context.wait("pause", second);
    return context.step("work", async () => "worked");
  },
  group: (event, context) => context.runInChildContext("outer", (outer) => outer.runInChildContext("inner", (c) => c.step("work", async () => 7))),
  parallel: async (event, context) => {
    const batch = await context.parallel("both", [
      { name: "left", func: (c) => c.step("work", async () => "l") },
      { name: "right", func: (c) => c.step("work", async () => "r") },
    ]);
    return batch.getResults();
  },
  map: async (event, context) => {
    const batch = await context.map("each", [1, 2, 3], (c, n) => c.step("double", async () => 2 * n), { itemNamer: (n) => `item-${n}` });
    return batch.getResults();
  },
  callback: async (event, context) => {
    const [answer] = await context.createCallback("answer", { timeout: { minutes: 1 } });
    return answer;
  },
  refusal: (event, context) => context.waitForCallback("answer", async () => {}, { timeout: { minutes: 1 } }),
  late: (event, context) => context.waitForCallback("answer", async () => {}, { timeout: second }),
  condition: (event, context) =>
    context.waitForCondition("looks", async (n) => n + 1, {
      initialState: 0,
      waitStrategy: (n) => (n < 2 ? { shouldContinue: true, delay: second } : { shouldContinue: false }),
    }),
  invoke: (event, context) => context.invoke("other", "small:live", { how: "step" }),
  "invoke plain": (event, context) => context.invoke("other", "echo"),
  "invoke failure": (event, context) => context.invoke("other", "small:live", { how: "failure" }),
  failure: (event, context) => charge(context),
  caught: async (event, context) => {
    try {
      return await charge(context);
    } catch (error) {
      return error.message;
    }
  },
  throws: async () => {
    throw new Declined("no money at all");
  },
  endless: (event, context) => context.wait("year", { days: 300 }),
};

export const small = withDurableExecution(async (event, context) => cases[event?.how ?? "no payload"](event, context));
