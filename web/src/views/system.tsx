import type { Connection, Server } from "../lib/api.js";
import { bytes, count, seconds } from "../lib/format.js";
import { useLoad } from "../state/load.js";
import { pollFailed, polls } from "../state/server.js";
import { api, token } from "../state/session.js";
import { Fact } from "../ui/fact.js";
import { Failure } from "../ui/failure.js";
import { Name } from "../ui/name.js";
import { Time } from "../ui/time.js";

const EVERY = 3_000;

/** Who is connected, and what runs here. */
export function System() {
  const server = polls.value.at(-1)?.server;
  return (
    <>
      <Connections />
      {pollFailed.value && !server && <Failure error={pollFailed.value} what="The gateway’s figures" />}
      {server && <Facts server={server} />}
    </>
  );
}

function Connections() {
  const { value, error, again } = useLoad("connections", api.connections, EVERY);
  return (
    <section class="card">
      <header>
        <h2>Connections</h2>
        {value && (
          <span class="quiet">
            {count(value.total)} open
            {value.total > value.connections.length && `, the first ${count(value.connections.length)} shown`}
          </span>
        )}
      </header>
      {error && !value && <Failure error={error} what="The connections" again={again} />}
      {value && (
        <div class="scroll-x">
          <table>
            <caption class="unseen">Open connections</caption>
            <thead>
              <tr>
                <th scope="col">Who</th>
                <th scope="col">Filter</th>
                <th scope="col">Window</th>
                <th scope="col">Since</th>
                <th scope="col" class="number">
                  Sent
                </th>
                <th scope="col" class="number">
                  Queued
                </th>
                <th scope="col">Position</th>
                <th scope="col">
                  <span class="unseen">Close</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {value.connections.map((connection) => (
                <Line key={connection.id} connection={connection} again={again} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Line({ connection, again }: { connection: Connection; again: () => void }) {
  const { id, transport, address, identity, since, sent, queued, subscriptions } = connection;
  return (
    <tr>
      <th scope="row">
        {identity ?? address}
        <span class="quiet">
          {" "}
          {identity ? `${address}, ` : ""}
          {transport}
        </span>
      </th>
      <td class="wide">
        {subscriptions.map(({ id, filter }) => (
          <code key={id ?? ""}>
            <Name>{filter}</Name>
          </code>
        ))}
        {subscriptions.length === 0 && <span class="quiet">no subscription</span>}
      </td>
      <td>
        {subscriptions.map(({ id, batch }) => (
          <div key={id ?? ""}>
            {count(batch.size)} · {batch.cutoff}
          </div>
        ))}
      </td>
      <td>
        <Time at={since} />
      </td>
      <td class="number">
        {count(sent.frames)} <span class="quiet">{bytes(sent.bytes)}</span>
      </td>
      <td class="number">{bytes(queued.bytes)}</td>
      <td>
        {subscriptions.map(({ id, live, position }) => (
          <div key={id ?? ""}>
            {live ? "live" : "catching up"} <code class="quiet">{position}</code>
          </div>
        ))}
      </td>
      <td class="end">
        <button
          type="button"
          class="plain small"
          title="It may come back, and resumes where it was"
          onClick={() => void api.closeConnection(id).finally(again)}
        >
          Close<span class="unseen"> the connection of {identity ?? address}</span>
        </button>
      </td>
    </tr>
  );
}

function Facts({ server }: { server: Server }) {
  const { log, counts } = server;
  const events = log.newest - log.oldest + 1;
  return (
    <section class="card">
      <header>
        <h2>Gateway</h2>
        <span class="quiet">version {server.version}</span>
      </header>
      <dl class="facts">
        {server.node && <Fact name="Node">{server.node}</Fact>}
        {server.started_at && (
          <Fact name="Started">
            <Time at={server.started_at} />
          </Fact>
        )}
        <Fact name="Events in the log">{count(Math.max(0, events))}</Fact>
        <Fact name="Position">
          <code>{server.position}</code>
        </Fact>
        {log.store && (
          <Fact name="Kept">
            {log.store === "memory"
              ? "in memory, until it stops"
              : `${seconds(log.max_age_seconds)} or ${bytes(log.max_size_bytes ?? 0)}`}
          </Fact>
        )}
        {counts && (
          <>
            <Fact name="Tags known">{count(counts.catalog_tags)}</Fact>
            <Fact name="Live subscriptions">{count(counts.subscriptions)}</Fact>
            <Fact name="Distinct filters">{count(counts.filters)}</Fact>
            <Fact name="Batches delivered">{count(counts.batches_delivered)}</Fact>
            <Fact name="Fell behind">{count(counts.fell_behind)}</Fact>
            {Object.entries(counts.notifications).map(([outcome, number]) => (
              <Fact key={outcome} name={`Notifications ${outcome}`}>
                {count(number)}
              </Fact>
            ))}
          </>
        )}
        <Fact name="More">
          {/* A link carries no token. */}
          {token.value === "" && (
            <>
              <a href="metrics">metrics</a>,{" "}
            </>
          )}
          <a href="v1/server">server</a>
        </Fact>
      </dl>
    </section>
  );
}
