import { count } from "../../lib/format.js";
import { hasOdd } from "../../lib/marks.js";
import { usualSize } from "../../lib/trigger_draft.js";
import { eventsInWords, times, wordsOfTarget } from "../../lib/trigger_words.js";
import type { Http, Trigger } from "../../lib/triggers.js";
import { Copy } from "../../ui/copy.js";
import { Fact } from "../../ui/fact.js";
import { Name } from "../../ui/name.js";

/** What a trigger is, and how it does. */
export function Facts({ trigger }: { trigger: Trigger }) {
  const { understood, batch, target, service_account, cloud_id } = trigger;
  const http = "http" in target ? target.http : undefined;
  return (
    <section class="card">
      <header>
        <h3>Definition</h3>
      </header>
      <dl class="facts facts-wide">
        <Fact name="Events">
          <code>{understood && <Name>{understood}</Name>}</code>
        </Fact>
        <Fact name="Target">
          <Name>{wordsOfTarget(trigger)}</Name>{" "}
          {http && !hasOdd(http.url) && <Copy what="URL" text={http.url} />}
        </Fact>
      </dl>
      <dl class="facts facts-short">
        {http && <Fact name="Format">{http.format}</Fact>}
        <Fact name="Window">
          {batch.size ?? usualSize(http?.format ?? "")} events · {batch.cutoff ?? "10s"}
        </Fact>
        {service_account && <Fact name="On behalf of">{service_account}</Fact>}
        {cloud_id !== "default" && <Fact name="Cloud">{cloud_id}</Fact>}
        {http && <Deliveries trigger={trigger} http={http} />}
      </dl>
    </section>
  );
}

/** What a feed, which calls nobody, does not have. */
function Deliveries({ trigger: { retry, dead_letter, state }, http }: { trigger: Trigger; http: Http }) {
  return (
    <>
      <Fact name="Sent along">{sentAlong(http) || "nothing of its own"}</Fact>
      <Fact name="Attempts">{attempts(retry)}</Fact>
      <Fact name="What is given up">{dead_letter ? "is kept as a dead letter" : "is dropped"}</Fact>
      <Fact name="Batches delivered">{count(state.delivered)}</Fact>
      <Fact name="Batches given up">{count(state.given_up)}</Fact>
      <Fact name="Behind">{eventsInWords(state.behind)}</Fact>
      <Fact name="Position">
        <code>{state.position}</code>
      </Fact>
      {state.pending && (
        <Fact name="On its way">
          {eventsInWords(state.pending.count)}, {times(state.pending.attempts)} failed
        </Fact>
      )}
    </>
  );
}

function sentAlong({ auth, headers = {}, signing_secret }: Http): string {
  const auths = auth ? ["bearer" in auth ? "a token" : "user and password"] : [];
  return [...auths, ...(signing_secret ? ["a signature"] : []), ...Object.keys(headers)].join(", ");
}

function attempts({ attempts, interval, ttl }: Trigger["retry"]): string {
  const most = attempts === undefined ? "" : `at most ${attempts}, `;
  const every = interval === undefined ? "ever more seldom" : `every ${interval}`;
  return `${most}${every}, for ${ttl ?? "24h"}`;
}
