import { useState } from "preact/hooks";

import type { ApiError } from "../lib/api.js";
import { here } from "../lib/here.js";
import { distribution } from "../lib/snippets.js";
import { testPush } from "../lib/test_push.js";
import { go } from "../state/place.js";
import { api } from "../state/session.js";
import { Snippet } from "./copy.js";
import { Link } from "./link.js";

/** Nothing to show: how to get something. */
export function Empty({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <div class="empty">
        <h2>Nothing in the log matches this filter</h2>
        <p>What comes from now on and matches will appear here by itself.</p>
        <button type="button" class="plain" onClick={() => go({ filter: "" })}>
          Show every event
        </button>
      </div>
    );
  }
  return (
    <div class="empty">
      <h2>No event yet</h2>
      <p>
        As soon as a registry sends its notifications here, every push, move and deletion appears in this
        list. For CNCF Distribution this goes into its <code>config.yml</code>:
      </p>
      <Snippet what="configuration" text={distribution(here())} />
      <p>
        Each kind of registry has its own snippet under <Link to={{ view: "sources" }}>Sources</Link>. Or see
        first what it looks like:
      </p>
      <TestPush />
    </div>
  );
}

/** Sends a real notification of an image that does not exist. */
export function TestPush() {
  const [said, setSaid] = useState<{ ok: boolean; text: string }>();
  const send = () => {
    api.notify(testPush(new Date(), randomHex)).then(
      ({ events }) =>
        setSaid({ ok: true, text: `Sent: ${events.length} events, on their way to every reader.` }),
      (error: unknown) => setSaid({ ok: false, text: whyNot(error as ApiError) }),
    );
  };
  return (
    <div class="test-push">
      <button type="button" class="primary" onClick={send}>
        Send a test push
      </button>
      <span role="status" class={said && !said.ok ? "bad" : "quiet"}>
        {said?.text}
      </span>
    </div>
  );
}

function randomHex(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

function whyNot(error: ApiError): string {
  return error.status === 401 || error.status === 403
    ? "The sources of this gateway want credentials that this page does not have, or none is named “distribution”. Push from a registry instead."
    : error.message;
}
