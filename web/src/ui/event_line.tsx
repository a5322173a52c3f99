import type { TagcastEvent } from "tagcast-client";

import { shortDigest } from "../lib/format.js";
import { marked } from "../lib/marks.js";
import { isDigest } from "../lib/reference.js";
import { idOf, lookOf, nameOf, wordsOf, type EventRow, type GapRow, type Row } from "../lib/rows.js";
import { go } from "../state/place.js";
import { Copy } from "./copy.js";
import { Name } from "./name.js";
import { Time } from "./time.js";

interface Props {
  row: Row;
  index: number;
  open: boolean;
  focusable: boolean;
  onFocus: () => void;
}

/** One line of the live view. */
export function EventLine(props: Props) {
  const { row } = props;
  return row.kind === "gap" ? <GapLine {...props} row={row} /> : <Event {...props} row={row} />;
}

function Event({ row, index, open, focusable, onFocus }: Props & { row: EventRow }) {
  const { event, from } = row;
  const { details, event_metadata: about } = event;
  const toggle = () => go({ event: open ? "" : about.event_id });
  const look = lookOf(row);
  return (
    <tr
      class={`line look-${look}${open ? " open" : ""}`}
      data-id={idOf(row)}
      aria-rowindex={index}
      onClick={toggle}
    >
      <td class="c-time">
        <Time at={about.created_at} />
      </td>
      <td class="c-kind">
        <span class="kind" title={marked(about.event_type)}>
          {marked(wordsOf(row))}
        </span>
      </td>
      <td class="c-name">
        <button
          type="button"
          class="name"
          tabIndex={focusable ? 0 : -1}
          aria-expanded={open}
          title={marked(nameOf(event))}
          onFocus={onFocus}
          onClick={(click) => {
            click.stopPropagation();
            toggle();
          }}
        >
          <span class="registry">
            <Name>{details.registry_id}</Name>/
          </span>
          <Name class="repository">{details.repository_name}</Name>
          {details.tag && (
            <span class="tag">
              :<Name>{details.tag}</Name>
            </span>
          )}
        </button>
      </td>
      <td class="c-digest">
        <Digests event={event} from={from} />
      </td>
      <td class="c-actor" title={marked(details.actor ?? "")}>
        {details.actor && <Name>{details.actor}</Name>}
      </td>
      <td class="c-source" title={details.source}>
        {details.source}
      </td>
    </tr>
  );
}

function Digests({ event, from }: { event: TagcastEvent; from: TagcastEvent | undefined }) {
  const digest = event.details.image_digest;
  if (!digest) return <span class="quiet">not told</span>;
  return (
    <span class="digests">
      {from && (
        <>
          <span class="unseen">from </span>
          <code class="old" title={marked(from.details.image_digest)}>
            {marked(shortDigest(from.details.image_digest).replace("sha256:", ""))}
          </code>
          <span class="arrow" aria-hidden="true">
            →
          </span>
          <span class="unseen"> to </span>
        </>
      )}
      <code title={marked(digest)}>
        {marked(from ? shortDigest(digest).replace("sha256:", "") : shortDigest(digest))}
      </code>
      {isDigest(digest) && <Copy text={digest} what="digest" />}
    </span>
  );
}

const REASONS = {
  retention: "they are older than the log keeps",
  damaged: "their bytes on the disk are damaged",
  epoch_changed: "the gateway’s log began anew",
};

function GapLine({ row: { gap }, index }: Props & { row: GapRow }) {
  return (
    <tr class="line gap" aria-rowindex={index}>
      <td colSpan={6}>
        <strong>Events are missing here</strong>: {REASONS[gap.reason]}.{" "}
        <span class="quiet">
          {gap.from} to {gap.to}
        </span>
      </td>
    </tr>
  );
}
