// A Lambda runtime in a few lines: it asks the Runtime API for events, hands them to one export of
// a module, and posts what that returns or throws.
//
//     node runtime.mjs ./functions.mjs order
//
// There is no timeout on the question for an event: the process lives as long as its host wants.
import { request } from "node:http";

const [module, name] = process.argv.slice(2);
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");

// call makes one call of the Runtime API and returns the headers and the body of the response.
function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const req = request({ host, port, method, path: `/2018-06-01/runtime/${path}` }, (res) => {
      const parts = [];
      res.on("data", (part) => parts.push(part));
      res.on("error", reject);
      res.on("end", () => {
        const text = Buffer.concat(parts).toString();
        if (res.statusCode >= 300) reject(new Error(`${method} ${path}: ${res.statusCode} ${text}`));
        else resolve({ headers: res.headers, text });
      });
    });
    req.on("error", reject);
    req.end(body);
  });
}

// report describes an error as the Runtime API wants it.
function report(error) {
  return JSON.stringify({
    errorType: error?.name ?? "Error",
    errorMessage: error?.message ?? String(error),
    stackTrace: (error?.stack ?? "").split("\n").slice(1).map((line) => line.trim()),
  });
}

function contextOf(headers) {
  return {
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    tenantId: headers["lambda-runtime-aws-tenant-id"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => Number(headers["lambda-runtime-deadline-ms"]) - Date.now(),
  };
}

let handler;
try {
  handler = (await import(module))[name];
  if (typeof handler !== "function") throw new Error(`${module} exports no function ${name}`);
} catch (error) {
  await call("POST", "init/error", report(error));
  process.exit(1);
}

for (;;) {
  const { headers, text } = await call("GET", "invocation/next");
  const id = headers["lambda-runtime-aws-request-id"];
  let answer;
  try {
    answer = ["response", JSON.stringify((await handler(JSON.parse(text), contextOf(headers))) ?? null)];
  } catch (error) {
    answer = ["error", report(error)];
  }
  await call("POST", `invocation/${id}/${answer[0]}`, answer[1]);
}
