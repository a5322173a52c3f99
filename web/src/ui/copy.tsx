import { Fragment } from "preact";
import { useState } from "preact/hooks";

import { hasOdd } from "../lib/marks.js";
import { announcement } from "../state/session.js";
import { Name } from "./name.js";

const SHOW = 1_500;

/** Copies `text`. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [said, setSaid] = useState("");
  const copy = async (click: Event) => {
    click.stopPropagation();
    const done = await write(text);
    setSaid(done ? "copied" : "select it and copy by hand");
    announcement.value = done ? `${what} copied` : "The browser does not allow copying.";
    setTimeout(() => setSaid(""), SHOW);
  };
  return (
    <button
      type="button"
      class="copy"
      aria-label={`Copy ${what}`}
      title={`Copy ${what}`}
      onClick={(click) => void copy(click)}
    >
      {said ? (
        <span class="said">{said}</span>
      ) : (
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <rect x="5.500" y="5.500" width="8" height="8" rx="1.500" />
          <path d="M10.500 3.500v-.5A1.500 1.500 0 0 0 9 1.500H3.500A1.500 1.500 0 0 0 2 3v5.500A1.500 1.500 0 0 0 3.500 10H4" />
        </svg>
      )}
    </button>
  );
}

/** The clipboard is there on https and on this machine alone; elsewhere the older way still works. */
async function write(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- plain http has nothing else
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

function Line(text: string, index: number) {
  return (
    <Fragment key={index}>
      {index > 0 && "\n"}
      {hasOdd(text) ? <Name>{text}</Name> : text}
    </Fragment>
  );
}

/** A line, or several, to copy. */
export function Snippet({ text, what, wrapped = false }: { text: string; what: string; wrapped?: boolean }) {
  return (
    <div class={`snippet${wrapped ? " snippet-wrapped" : ""}`}>
      <pre tabIndex={0}>{text.split("\n").map(Line)}</pre>
      <Copy text={text} what={what} />
    </div>
  );
}
