import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";

import { absolute } from "../lib/time.js";
import { theme } from "../state/session.js";

export interface Line {
  label: string;
  /** A variable of the style sheet. */
  colour: string;
  /** One for each moment; null: none was observed. */
  values: (number | null)[];
}

interface Props {
  title: string;
  about: string;
  /** Seconds since 1970. */
  at: number[];
  lines: Line[];
  unit: (value: number) => string;
}

const HEIGHT = 170;

/** Lines over time, with their last values in words beside them. */
export function Chart({ title, about, at, lines, unit }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(null);
  const names = lines.map(({ label }) => label).join();
  const shown = theme.value;

  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const made = new UPlot(
      options(element, lines, unit),
      [at, ...lines.map(({ values }) => values)],
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    const system = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => made.redraw();
    system.addEventListener("change", redraw);
    return () => {
      system.removeEventListener("change", redraw);
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
    // Made anew for other lines or colours; new values go into it below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [names, shown]);
  useEffect(() => plot.current?.setData([at, ...lines.map(({ values }) => values)]), [at, lines]);

  return (
    <figure class="card chart">
      <figcaption>
        <h2>{title}</h2>
        <span class="quiet">{about}</span>
      </figcaption>
      <div ref={host} class="plot" aria-hidden="true" />
      {lines.length === 0 ? (
        <p class="quiet">Nothing yet.</p>
      ) : (
        <ul class="legend">
          {lines.map(({ label, colour, values }) => {
            const last = values.findLast((value) => value !== null);
            return (
              <li key={label}>
                <span class="swatch" style={{ background: `var(${colour})` }} aria-hidden="true" />
                {label} <strong>{last === undefined ? "–" : unit(last)}</strong>
              </li>
            );
          })}
        </ul>
      )}
    </figure>
  );
}

function options(element: HTMLElement, lines: Line[], unit: (value: number) => string): UPlot.Options {
  // A canvas knows no variables, so the element's own colour, which says nothing else, works them out.
  const colour = (name: string) => {
    element.style.color = `var(${name})`;
    return getComputedStyle(element).color;
  };
  const axis: UPlot.Axis = {
    stroke: () => colour("--soft"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  return {
    width: element.clientWidth || 300,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      {
        ...axis,
        size: 28,
        space: 80,
        values: (_, ticks) => ticks.map((at) => absolute(at * 1000, Date.now())),
      },
      { ...axis, size: 58, values: (_, ticks) => ticks.map(unit) },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: () => colour(line.colour),
        width: 1.75,
        points: { show: false },
        spanGaps: true,
      })),
    ],
  };
}
