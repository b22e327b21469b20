// Does the work of the comparison each time a line with its name comes in, and prints the
// microseconds of a step, or what went wrong.
//
//     node peers.mjs 2800 1000 100
import { createInterface } from "node:readline";

import { withDurableExecution } from "@aws/durable-execution-sdk-js";

const [replayed, run, resultBytes] = process.argv.slice(2).map(Number);
const result = "x".repeat(resultBytes - 2);
const lambda = {
  awsRequestId: "request",
  functionName: "steps",
  functionVersion: "1",
  invokedFunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:steps:1",
  getRemainingTimeInMillis: () => 600_000,
};

// Client keeps what it is sent as the log of the next invocation, and accepts everything at once.
class Client {
  operations = new Map();
  calls = 0;

  async send(command) {
    const { Updates = [] } = command.input;
    const changed = Updates.map((u) => this.apply(u));
    return { CheckpointToken: `token-${++this.calls}`, NewExecutionState: { Operations: changed } };
  }

  apply(u) {
    const old = this.operations.get(u.Id) ?? { StartTimestamp: new Date() };
    const op = { ...old, Id: u.Id, ParentId: u.ParentId, Name: u.Name, Type: u.Type, SubType: u.SubType };
    if (u.Action === "START") op.Status = "STARTED";
    if (u.Action === "SUCCEED") {
      Object.assign(op, { Status: "SUCCEEDED", EndTimestamp: new Date(), StepDetails: { Attempt: 1, Result: u.Payload } });
    }
    if (u.Type === "WAIT") op.WaitDetails = { ScheduledEndTimestamp: new Date(Date.now() + 8_640_000_000) };
    this.operations.set(u.Id, op);
    return op;
  }

  event() {
    const execution = {
      Id: "8f3c1a", Name: "order-42", Type: "EXECUTION", Status: "STARTED", StartTimestamp: new Date(),
      ExecutionDetails: { InputPayload: "null" },
    };
    return {
      DurableExecutionArn: `${lambda.invokedFunctionArn}/durable-execution/order-42/8f3c1a`,
      CheckpointToken: "token-0",
      InitialExecutionState: { Operations: [execution, ...this.operations.values()] },
    };
  }
}

function steps(n, body, client) {
  return withDurableExecution(
    async (_, context) => {
      for (let i = 0; i < n; i++) {
        const got = await context.step(`charge-card-${i}`, body);
        if (typeof got !== "string") throw new Error(`the result of step ${i} is ${got}`);
      }
      await context.wait("next", { days: 100 });
    },
    { client },
  );
}

async function invoke(n, body, client, event) {
  const began = process.hrtime.bigint();
  const answer = await steps(n, body, client)(JSON.parse(event), lambda);
  const took = Number(process.hrtime.bigint() - began) / 1000;
  if (answer.Status !== "PENDING") throw new Error(`the answer is ${JSON.stringify(answer)}`);
  return took / n;
}

const log = new Client();
await invoke(replayed, async () => result, log, JSON.stringify(log.event()));
const recorded = JSON.stringify(log.event());
const never = async () => {
  throw new Error("a recorded step ran");
};

const works = {
  replay: () => invoke(replayed, never, new Client(), recorded),
  "first-run": () => {
    const client = new Client();
    return invoke(run, async () => "", client, JSON.stringify(client.event()));
  },
};
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(await works[line.trim()]());
  } catch (error) {
    console.log(`failed: ${error?.message ?? error}`);
  }
}
