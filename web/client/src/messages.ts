import type { TagcastEvent } from "./events.js";

/** Bounds of a batch; it closes at whichever comes first. */
export interface BatchBounds {
  /** Events, 1 to 5,000. */
  size?: number;
  /** Time since its first event: `"250ms"`, `"1.5s"`, a number is seconds; 0 to 300 s. */
  cutoff?: string | number;
  /** Bytes of the encoded batch, 1 KiB to 1 MiB. */
  bytes?: number;
}

/** An expression of the filter language, its shorthand as an object, or `true` for everything. */
export type Filter = string | boolean | Record<string, unknown>;

/** The gateway's word that a subscription is there. */
export interface Subscribed {
  /** The filter as it was understood, in one form for all that mean the same. */
  filter: string;
  batch: { size: number; cutoff: string; bytes: number };
  format: string;
  /** Every matching event behind this one will come. */
  position: string;
}

/** Events that may have matched and were not and will not be sent. */
export interface Gap {
  from: string;
  to: string;
  reason: "retention" | "damaged" | "epoch_changed";
}

/** What a request that failed is answered with. Codes: docs/errors.md. */
export interface ErrorBody {
  code: string;
  message: string;
  id?: string;
  details?: {
    offset?: number;
    length?: number;
    pointer?: string;
    reason?: string;
    hint?: string;
    [name: string]: unknown;
  };
}

/** Everything that a gateway sends. */
export interface ServerMessage {
  id?: string;
  messages?: TagcastEvent[];
  subscribed?: Subscribed & { id?: string };
  position?: { id?: string; event_id: string };
  gap?: Gap & { id?: string };
  error?: ErrorBody;
}

/** What the gateway refused, or why a subscription ended for good. */
export class TagcastError extends Error {
  override readonly name = "TagcastError";

  constructor(
    /**
     * From the list of docs/errors.md, or `closed_4410` for a close code. Or why there is no gateway to ask: `http_404`
     * where something else answered, `http_redirect`, `no_websocket`, `unreadable`, `unreachable`, `timeout`; `silent`
     * where nothing came any more, `foreign` where what came was no gateway's.
     */
    readonly code: string,
    message: string,
    readonly details?: ErrorBody["details"],
  ) {
    super(message);
  }
}
