import "uplot/dist/uPlot.min.css";

import type { Histogram } from "../lib/api.js";
import { between, quantile } from "../lib/histogram.js";
import { seconds } from "../lib/format.js";
import { polls, type Poll } from "../state/server.js";
import { Chart, type Line } from "../ui/chart.js";

/** Polls that one latency is taken over: ten seconds, since a poll alone often sees nothing. */
const OVER = 5;
const TYPES: [type: string, label: string, colour: string][] = [
  ["CreateImage", "new image", "--image"],
  ["CreateImageTag", "tag set", "--tag"],
  ["DeleteImageTag", "tag removed", "--untagged"],
  ["DeleteImage", "image deleted", "--gone"],
  ["CreateChart", "new chart", "--chart"],
  ["DeleteChart", "chart deleted", "--moved"],
];

/** A few minutes back. */
export function Activity() {
  const all = polls.value;
  const server = all.at(-1)?.server;
  if (!server) return <p class="quiet pad">Asking the gateway …</p>;
  if (!server.counts || !server.latency) {
    return (
      <div class="notice">
        This gateway does not tell you its counts and latencies: they are of all clouds, and need the token of
        a reader with admin = true and without a cloud.
      </div>
    );
  }
  const at = all.map((poll) => poll.at / 1000);
  const events = TYPES.filter(([type]) => type in (server.counts?.events ?? {})).map(
    ([type, label, colour]) => ({
      label,
      colour,
      values: rates(all, ({ server }) => server.counts?.events[type] ?? 0),
    }),
  );
  return (
    <>
      <p class="lead">
        Of the whole gateway, every two seconds since this page was opened, up to five minutes back.
      </p>
      <div class="charts">
        <Chart
          title="Events a second"
          about="written to the log, by type"
          at={at}
          lines={events}
          unit={rate}
        />
        <Chart
          title="Delivery"
          about="from accepted to handed to the connections, without the wait in a window"
          at={at}
          lines={latencies(all, "delivery")}
          unit={seconds}
        />
        <Chart
          title="Wait in a window"
          about="of a batch’s first event; readers choose it themselves"
          at={at}
          lines={latencies(all, "window")}
          unit={seconds}
        />
        <Chart
          title="Commit"
          about="from a notification’s arrival to the disk"
          at={at}
          lines={latencies(all, "commit")}
          unit={seconds}
        />
        <Chart
          title="Connections"
          about="open, by transport"
          at={at}
          lines={connections(all)}
          unit={(value) => (Number.isInteger(value) ? `${value}` : "")}
        />
        <Chart
          title="Batches a second"
          about="handed to connections"
          at={at}
          lines={[
            {
              label: "batches",
              colour: "--accent",
              values: rates(all, ({ server }) => server.counts?.batches_delivered ?? 0),
            },
          ]}
          unit={rate}
        />
      </div>
    </>
  );
}

const rate = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));

/** By how much a count grew each second; a gateway that was started anew counts from nothing. */
function rates(all: Poll[], count: (poll: Poll) => number): (number | null)[] {
  return all.map((poll, i) => {
    const before = all[i - 1];
    if (!before) return null;
    return Math.max(0, count(poll) - count(before)) / ((poll.at - before.at) / 1000);
  });
}

function latencies(all: Poll[], name: "delivery" | "window" | "commit"): Line[] {
  const spans = all.map((poll, i): Histogram | undefined => {
    const now = poll.server.latency?.[name];
    return now && i > 0 ? between(all[Math.max(0, i - OVER)]?.server.latency?.[name], now) : undefined;
  });
  return [
    { label: "median", colour: "--tag", values: spans.map((span) => (span ? quantile(span, 0.5) : null)) },
    { label: "p90", colour: "--chart", values: spans.map((span) => (span ? quantile(span, 0.9) : null)) },
    { label: "p99", colour: "--moved", values: spans.map((span) => (span ? quantile(span, 0.99) : null)) },
  ];
}

function connections(all: Poll[]): Line[] {
  const colours: Record<string, string> = { websocket: "--tag", sse: "--image", ndjson: "--chart" };
  const names = Object.keys(all.at(-1)?.server.counts?.connections ?? {});
  return names.map((name) => ({
    label: name,
    colour: colours[name] ?? "--accent",
    values: all.map(({ server }) => server.counts?.connections[name] ?? null),
  }));
}
