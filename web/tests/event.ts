import type { TagcastEvent } from "tagcast-client";

const DIGITS = "0123456789abcdefghijklmnopqrstuv";

/** The id of the event with this offset, in some epoch. */
export function id(offset: number): string {
  let text = "";
  for (let rest = offset; text.length < 10; rest = Math.floor(rest / 32))
    text = (DIGITS[rest % 32] ?? "") + text;
  return `crtmsagbh0${text}`;
}

/** An event, of which a test says what matters to it. */
export function event(
  offset: number,
  { type = "CreateImageTag", tag = "v1", repository = "team/app", digest = "sha256:aa" } = {},
): TagcastEvent {
  return {
    event_metadata: {
      event_id: id(offset),
      event_type: `yandex.cloud.events.containerregistry.${type}`,
      created_at: "2026-01-07T11:09:14.276585742Z",
      cloud_id: "default",
      folder_id: "default",
      tracing_context: { trace_id: "", span_id: "", parent_span_id: "" },
    },
    details: {
      registry_id: "hub.example.com",
      repository_name: repository,
      tag,
      image_id: "",
      image_digest: digest,
    },
  };
}
