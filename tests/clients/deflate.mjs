// Asks for compression as Node's `ws` does, with each window that it can ask a server for.
//
//   node deflate.mjs URL
//
// Prints a list: for each way how many events the first batch holds, and whether its messages are compressed.

import WebSocket from "ws";

const [url] = process.argv.slice(2);
const ways = [
  {},
  { serverMaxWindowBits: 15 },
  { serverMaxWindowBits: 15, clientMaxWindowBits: 9, clientNoContextTakeover: true },
  { serverNoContextTakeover: true, clientMaxWindowBits: 12 },
];

const told = [];
for (const perMessageDeflate of ways) told.push(await ask(perMessageDeflate));
process.stdout.write(`${JSON.stringify(told)}\n`);

function ask(perMessageDeflate) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate });
    const timer = setTimeout(() => reject(new Error("no event")), 10_000);
    socket.on("error", reject);
    socket.on("message", (data) => {
      const events = JSON.parse(data.toString("utf8")).messages?.length ?? 0;
      if (events === 0) return;
      clearTimeout(timer);
      const by = `ws ${JSON.stringify(perMessageDeflate)}`;
      resolve({ by, events, compressed: socket.extensions.startsWith("permessage-deflate") });
      socket.terminate();
    });
  });
}
