/** Subscribes to a Tagcast gateway. README.md shows how. */
export { EVENT_TYPES, shortType, type EventType, type TagcastEvent } from "./events.js";
export {
  TagcastError,
  type BatchBounds,
  type ErrorBody,
  type Filter,
  type Gap,
  type Subscribed,
} from "./messages.js";
export { mayPass } from "./closing.js";
export type { OpenSocket, Socket } from "./socket.js";
export {
  subscribe,
  type Batch,
  type OnBatch,
  type Options,
  type State,
  Subscription,
} from "./subscription.js";
