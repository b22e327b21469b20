// Runs functions of small.mjs against a service, as AWS's testing library for JavaScript does with functions that are
// deployed, and prints a line of JSON for each: what the library has read.
//
//     node judge.mjs small:live '{"name":"step","payload":{"how":"step"}}' …
//
// A case with an answer has a callback "answer" that it is sent to; the execution of one with "stop" is stopped.
import { LambdaClient, ListDurableExecutionsByFunctionCommand, StopDurableExecutionCommand } from "@aws-sdk/client-lambda";
import { CloudDurableTestRunner, WaitingOperationStatus } from "@aws/durable-execution-sdk-js-testing";

const [functionName, ...cases] = process.argv.slice(2);
const client = new LambdaClient({});

function failure(error) {
  return error?.errorType || error?.errorMessage ? `${error.errorType}: ${error.errorMessage}` : null;
}

// read waits for the end of a case, and says what the library has of it.
async function read({ name, payload, answer, refuse, stop, target }) {
  const runner = new CloudDurableTestRunner({
    functionName: target ?? functionName,
    client,
    config: { pollInterval: 200, invocationType: answer || refuse || stop ? "Event" : "RequestResponse" },
  });
  const running = runner.run(payload === undefined ? undefined : { payload });
  if (answer || refuse) {
    const callback = runner.getOperation("answer");
    await callback.waitForData(refuse ? WaitingOperationStatus.SUBMITTED : WaitingOperationStatus.STARTED);
    if (answer) await callback.sendCallbackSuccess(answer);
    else await callback.sendCallbackFailure({ ErrorType: "Refused", ErrorMessage: refuse });
  }
  if (stop) {
    let found;
    do {
      found = await client.send(new ListDurableExecutionsByFunctionCommand({ FunctionName: target }));
    } while (found.DurableExecutions.length === 0);
    const arn = found.DurableExecutions[0].DurableExecutionArn;
    await client.send(new StopDurableExecutionCommand({ DurableExecutionArn: arn, Error: { ErrorType: "Enough", ErrorMessage: stop } }));
  }
  const result = await running;
  const paths = new Map();
  const operations = [];
  const all = result.getOperations();
  for (const o of all) {
    const parent = paths.get(o.getParentId());
    const path = (parent ? parent + "/" : "") + (o.getName() ?? "-");
    paths.set(o.getId(), path);
    operations.push(`${path} ${o.getSubType() ?? o.getType()} ${o.getStatus()}`);
  }
  const invocations = result.getInvocations();
  return {
    name,
    status: result.getStatus(),
    result: result.getStatus() === "SUCCEEDED" ? (result.getResult() ?? null) : null,
    error: result.getStatus() === "SUCCEEDED" ? null : failure(result.getError()),
    operations: operations.sort(),
    invocations: invocations.length,
    failed: invocations.filter((i) => failure(i.error)).length,
  };
}

// work takes one case after the other.
async function work() {
  for (let text = cases.shift(); text !== undefined; text = cases.shift()) {
    const one = JSON.parse(text);
    let line;
    try {
      line = await read(one);
    } catch (error) {
      line = { name: one.name, refused: `${error.name}: ${error.message}` };
    }
    console.log(JSON.stringify(line));
  }
}

await Promise.all([1, 2, 3, 4].map(work)); // each case that runs may need a process of its own
process.exit(0); // whatever a case that was refused has left behind
