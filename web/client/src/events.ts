/** What one event is, as docs/protocol.md has it. Fields may be added: ignore those you don't know. */
export interface TagcastEvent {
  event_metadata: {
    /** The event's place in the log, and the one thing to resume from. */
    event_id: string;
    /** A prefix set on the server, and a short name; see {@link shortType}. */
    event_type: string;
    /** RFC 3339, UTC: the source's own time where it tells one. */
    created_at: string;
    cloud_id: string;
    folder_id: string;
    tracing_context: { trace_id: string; span_id: string; parent_span_id: string };
  };
  details: {
    registry_id: string;
    repository_name: string;
    /** Empty where the event has none; of a chart its version. */
    tag: string;
    image_id: string;
    /** Empty where the source never told it. */
    image_digest: string;
    media_type?: string;
    size?: number;
    actor?: string;
    source?: string;
    source_event_id?: string;
    /** Members in which control characters were replaced. */
    cut?: string[];
    /** Gateways that the event passed through before this one. */
    via?: string[];
  };
}

/** The short names of event types. */
export const EVENT_TYPES = [
  "CreateImage",
  "CreateImageTag",
  "DeleteImage",
  "DeleteImageTag",
  "CreateChart",
  "DeleteChart",
  "PullImage",
  "ScanImage",
] as const;

/** One of {@link EVENT_TYPES}. A newer gateway may send a name that is not among them. */
export type EventType = (typeof EVENT_TYPES)[number];

/** The type without the server's prefix: `CreateImageTag`. */
export function shortType(event: TagcastEvent): EventType {
  const whole = event.event_metadata.event_type;
  return whole.slice(whole.lastIndexOf(".") + 1) as EventType;
}
