// Many clients behind one address, which come back by themselves however often they lose the gateway: npm's `eventsource`,
// `event-source-polyfill` and `ws`, the last in a loop as docs/protocol.md asks for. Each keeps the ids that it got.
//
//   node returns.mjs URL ADDRESS EVENTSOURCES POLYFILLS WEBSOCKETS
//
// ADDRESS stands in X-Forwarded-For. For each line on stdin one line of JSON on stdout says how they are:
//   {"open":…,"closed":…,"least":…,"most":…,"wrong":…,"connects":…,"softened":…}
// `closed` are those that gave up for good, `least` and `most` events of one client, `wrong` those that came twice or out of
// order, `softened` the messages `close` that stood in place of an answer with a status.

import { createInterface } from "node:readline";
import { EventSource } from "eventsource";
import polyfill from "event-source-polyfill";
import WebSocket from "ws";

const [url, address, ...counts] = process.argv.slice(2);
if (!url || counts.length !== 3) {
  process.stderr.write("wanted: URL ADDRESS EVENTSOURCES POLYFILLS WEBSOCKETS\n");
  process.exit(2);
}
const headers = { "X-Forwarded-For": address };
const stream = `${url}/v1/events?filter=true&batch_cutoff=0`;
const clients = [];
let connects = 0;
let softened = 0;

class Client {
  open = false;
  last = "";
  events = 0;
  wrong = 0;
  isClosed = () => false;

  constructor() {
    clients.push(this);
  }

  opened() {
    connects += 1;
    this.open = true;
  }

  take({ messages }) {
    for (const { event_metadata } of messages) {
      if (event_metadata.event_id <= this.last) this.wrong += 1;
      this.last = event_metadata.event_id;
      this.events += 1;
    }
  }
}

function listen(Source, options) {
  const client = new Client();
  const source = new Source(stream, options);
  client.isClosed = () => source.readyState === Source.CLOSED;
  // An answer in place of a status opens the stream as well; the position comes only where it is one.
  source.addEventListener("subscribed", () => client.opened());
  source.onerror = () => (client.open = false);
  source.onmessage = ({ data }) => client.take(JSON.parse(data));
  source.addEventListener("close", ({ data }) => {
    if (!client.open && JSON.parse(data).close.code >= 1012) softened += 1;
  });
}

function connect(client = new Client(), failures = 0) {
  const after = client.position ? `&after=${client.position}` : "";
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/ws?filter=true&batch_cutoff=0${after}`, { headers });
  let wasOpen = false;
  socket.on("message", (data) => {
    const { messages, subscribed, position } = JSON.parse(data);
    if (subscribed) {
      wasOpen = true;
      client.opened();
    }
    if (messages) client.take({ messages });
    client.position = messages?.at(-1).event_metadata.event_id ?? subscribed?.position ?? position?.event_id ?? client.position;
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    client.open = false;
    const more = wasOpen ? 0 : failures + 1;
    const pause = Math.min(1_000 * 2 ** more, 30_000);
    setTimeout(() => connect(client, more), pause * (0.5 + Math.random() / 2));
  });
}

for (let n = 0; n < Number(counts[0]); n++) {
  listen(EventSource, { fetch: (target, init) => fetch(target, { ...init, headers: { ...init.headers, ...headers } }) });
}
for (let n = 0; n < Number(counts[1]); n++) {
  listen(polyfill.EventSourcePolyfill, { headers, heartbeatTimeout: 120_000 });
}
for (let n = 0; n < Number(counts[2]); n++) connect();

for await (const _ of createInterface({ input: process.stdin })) {
  const events = clients.map((client) => client.events);
  process.stdout.write(
    `${JSON.stringify({
      open: clients.filter((client) => client.open).length,
      closed: clients.filter((client) => client.isClosed()).length,
      least: Math.min(...events),
      most: Math.max(...events),
      wrong: clients.reduce((sum, client) => sum + client.wrong, 0),
      connects,
      softened,
    })}\n`,
  );
}
process.exit(0);
