// A broadcast server as one writes it with Node's `ws`: what comes at /pub goes to everyone at /sub.
//
//   node loadtest/peers/node-ws.mjs PORT
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../tests/clients/", import.meta.url));
const { WebSocketServer, WebSocket } = require("ws");

const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });
const readers = new Set();

sockets.on("connection", (socket, request) => {
  socket.on("error", () => socket.terminate());
  if (request.url === "/sub") {
    readers.add(socket);
    socket.on("close", () => readers.delete(socket));
  } else {
    socket.on("message", (message) => {
      for (const reader of readers) {
        if (reader.readyState === WebSocket.OPEN) reader.send(message, { binary: false });
      }
    });
  }
});
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
