import { useEffect, useRef } from "preact/hooks";

import type { Facet } from "../lib/facets.js";
import { valueOf } from "../lib/facets.js";
import { withCondition } from "../lib/filter_text.js";
import { bytes } from "../lib/format.js";
import { hasOdd, marked, readableJson } from "../lib/marks.js";
import { pullCommand } from "../lib/reference.js";
import { lookOf, nameOf, wordsOf, type EventRow } from "../lib/rows.js";
import { whole } from "../lib/time.js";
import { go, place } from "../state/place.js";
import { Copy, Snippet } from "./copy.js";
import { KnownRepository } from "./known_repository.js";
import { Name } from "./name.js";

const NARROWING: Facet[] = ["repository", "tag", "type", "actor", "source"];

/** All there is to know of one event. */
export function EventDetails({ row }: { row: EventRow }) {
  const { event, from } = row;
  const { details, event_metadata: about } = event;
  const panel = useRef<HTMLElement>(null);
  const close = () => go({ event: "" });
  useEffect(() => {
    // On a phone it lies over the list, so that is where the reader is now.
    if (matchMedia("(max-width: 56rem)").matches) panel.current?.focus();
  }, []);
  const pull = pullCommand(details.registry_id, details.repository_name, details.image_digest);
  return (
    <aside class={`details look-${lookOf(row)}`} ref={panel} tabIndex={-1} aria-label="Details of the event">
      <header>
        <span class="kind">{marked(wordsOf(row))}</span>
        <button type="button" class="ghost" aria-label="Close the details" title="Escape" onClick={close}>
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M3.500 3.500l9 9M12.500 3.500l-9 9" />
          </svg>
        </button>
      </header>
      <div class="details-body">
        <h2>
          <Name>{nameOf(event)}</Name>
        </h2>
        <p class="quiet">{whole(Date.parse(about.created_at))}</p>
        {pull && <Snippet wrapped what="docker pull" text={pull} />}
        <dl>
          {from && <Fact name="before" value={from.details.image_digest} code />}
          <Fact name={from ? "now" : "digest"} value={details.image_digest} code />
          <Fact name="media type" value={details.media_type} />
          <Fact
            name="size"
            value={details.size === undefined ? undefined : `${bytes(details.size)} (the manifest)`}
          />
          <Fact name="who" value={details.actor} />
          <Fact name="source" value={details.source} />
          <Fact name="event" value={about.event_id} code />
          <Fact name="trace" value={about.tracing_context.trace_id} code />
        </dl>
        <div class="narrow-by">
          <span class="quiet">Only this</span>
          {NARROWING.filter((facet) => valueOf(event, facet)).map((facet) => (
            <button
              key={facet}
              type="button"
              class="chip"
              title={marked(valueOf(event, facet))}
              onClick={() => go({ filter: withCondition(place.value.filter, facet, valueOf(event, facet)) })}
            >
              {facet}
            </button>
          ))}
        </div>
        <KnownRepository event={event} />
        <h3>JSON</h3>
        <Snippet what="JSON" text={readableJson(event)} />
      </div>
    </aside>
  );
}

function Fact({ name, value, code = false }: { name: string; value: string | undefined; code?: boolean }) {
  if (!value) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {code ? (
          <code>
            <Name>{value}</Name>
          </code>
        ) : (
          <Name>{value}</Name>
        )}
        {code && !hasOdd(value) && <Copy text={value} what={name} />}
      </dd>
    </>
  );
}
