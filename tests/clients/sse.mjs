// Listens with npm's `eventsource`, which reconnects and resumes by itself, and prints every server-sent event as one
// line of JSON on stdout: {"event":…,"id":…,"data":…}.
//
//     --library event-source-polyfill   with that one, which says in the URL where it was
//
//   node sse.mjs URL COUNT     until COUNT events of the registry have come
//     --settle MS              how long to wait for surplus events after the last expected one (500)
//     --timeout S              how long to wait for COUNT events (30)
//
// stderr tells `open` each time. Exit status: 0 done, 2 wrong arguments, 3 timed out, 4 refused.
// sse.py keeps the same contract.

import { parseArgs } from "node:util";
import { EventSource as Native } from "eventsource";
import polyfill from "event-source-polyfill";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    settle: { type: "string", default: "500" },
    timeout: { type: "string", default: "30" },
    library: { type: "string", default: "eventsource" },
  },
});
const [url, count] = positionals;
if (!url || !(Number(count) >= 0)) {
  process.stderr.write("wanted: URL COUNT\n");
  process.exit(2);
}

const EventSource = values.library === "eventsource" ? Native : polyfill.EventSourcePolyfill;
const source = new EventSource(url);
let events = 0;
const timer = setTimeout(() => process.exit(3), Number(values.timeout) * 1000);

source.onopen = () => process.stderr.write("open\n");
source.onerror = () => {
  // Refused for good; a lost connection it opens again.
  if (source.readyState === EventSource.CLOSED) process.exit(4);
};
for (const name of ["message", "subscribed", "position", "gap", "refused", "notice", "close"]) {
  source.addEventListener(name, ({ lastEventId, data }) => {
    process.stdout.write(`${JSON.stringify({ event: name, id: lastEventId, data: JSON.parse(data) })}\n`);
    if (name !== "message") return;
    events += JSON.parse(data).messages.length;
    if (events >= Number(count)) {
      clearTimeout(timer);
      setTimeout(() => process.exit(0), Number(values.settle));
    }
  });
}
