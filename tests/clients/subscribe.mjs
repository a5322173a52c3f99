// Subscribes with Node's `ws` and prints every text message as one line on stdout.
//
//   node subscribe.mjs URL COUNT       until COUNT events have come (0: none is expected)
//   node subscribe.mjs URL --seconds N for N seconds
//     --send JSON      a message to send once open; may be repeated
//     --settle MS      how long to wait for surplus events after the last expected one (500)
//     --timeout S      how long to wait for COUNT events (30)
//
// stderr tells `open`, `refused STATUS BODY` and `close CODE REASON`.
// Exit status: 0 done, 2 wrong arguments, 3 timed out, 4 refused or closed by the server.
// subscribe.py keeps the same contract.

import { parseArgs } from "node:util";
import WebSocket from "ws";

const EXIT = { done: 0, usage: 2, timedOut: 3, closed: 4 };
// A server that does not answer our close frame must not hold the test.
const CLOSE_MS = 1000;

const { url, count, seconds, send, settle, timeout } = readArguments();
const socket = new WebSocket(url);
let events = 0;
let status = EXIT.closed;
let settling = false;

const timer =
  seconds === undefined
    ? setTimeout(() => finish(EXIT.timedOut), timeout * 1000)
    : setTimeout(() => finish(EXIT.done), seconds * 1000);

socket.on("open", () => {
  tell("open");
  for (const message of send) socket.send(message);
  settleWhenComplete();
});

socket.on("message", (data, isBinary) => {
  if (isBinary) return tell(`binary ${data.length}`);
  const text = data.toString("utf8");
  process.stdout.write(`${text}\n`);
  events += JSON.parse(text).messages?.length ?? 0;
  settleWhenComplete();
});

socket.on("unexpected-response", (_request, response) => {
  let body = "";
  response.setEncoding("utf8");
  response.on("data", (part) => (body += part));
  response.on("end", () => {
    tell(`refused ${response.statusCode} ${body.trim()}`);
    finish(EXIT.closed);
  });
});

// Without a listener an error would end the process with status 1; `close` follows it.
socket.on("error", (error) => tell(`error ${error.message}`));

socket.on("close", (code, reason) => {
  tell(`close ${code} ${reason}`.trimEnd());
  // Everything expected had come, so an early end while settling is no failure.
  if (settling) status = EXIT.done;
  clearTimeout(timer);
  process.exitCode = status;
});

function settleWhenComplete() {
  if (count === undefined || settling || events < count) return;
  settling = true;
  clearTimeout(timer);
  setTimeout(() => finish(EXIT.done), settle).unref();
}

function finish(result) {
  status = result;
  // Also ends a handshake that is still under way, with an `error` and a `close`.
  socket.close(1000);
  setTimeout(() => socket.terminate(), CLOSE_MS).unref();
}

function tell(line) {
  process.stderr.write(`${line}\n`);
}

function readArguments() {
  try {
    const number = (text) => {
      const value = Number(text);
      if (!(value >= 0)) throw new Error(`not a number: ${text}`);
      return value;
    };
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        seconds: { type: "string" },
        send: { type: "string", multiple: true, default: [] },
        settle: { type: "string", default: "500" },
        timeout: { type: "string", default: "30" },
      },
    });
    const [url, count, ...rest] = positionals;
    if (!url || rest.length > 0 || (count === undefined) === (values.seconds === undefined)) {
      throw new Error("wanted: URL and either COUNT or --seconds N");
    }
    return {
      url,
      count: count && number(count),
      seconds: values.seconds && number(values.seconds),
      send: values.send,
      settle: number(values.settle),
      timeout: number(values.timeout),
    };
  } catch (error) {
    tell(`subscribe.mjs: ${error.message}`);
    process.exit(EXIT.usage);
  }
}
