// The entry for Node: the same library, with a socket for versions that bring none.
import { subscribe as subscribeWith, type Options, type Subscription, type OnBatch } from "../index.js";
import { openSocket, type OpenSocket } from "../socket.js";
import { NodeSocket } from "./socket.js";

export * from "../index.js";

const open: OpenSocket = (url, protocols) =>
  typeof WebSocket === "undefined" ? new NodeSocket(url, protocols) : openSocket(url, protocols);

/** See `subscribe` of the package's other entry. */
export function subscribe(options: Options, onBatch?: OnBatch): Subscription {
  return subscribeWith({ openSocket: open, ...options }, onBatch);
}
