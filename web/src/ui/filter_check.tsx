import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { ApiError, Checked } from "../lib/api.js";
import { count } from "../lib/format.js";
import { api, token } from "../state/session.js";
import { Name } from "./name.js";

const SAMPLE = 1000;
const CHECK_AFTER = 200;

export interface Said {
  checked?: Checked;
  error?: ApiError;
}

/** Asks the gateway about what is written, a moment after the last key. */
export function useCheck(text: string): Said {
  const [said, setSaid] = useState<Said & { text?: string }>({});
  const asked = useRef<AbortController>(null);
  const shown = token.value;
  useEffect(() => {
    if (text.trim() === "") {
      setSaid({});
      return undefined;
    }
    const timer = setTimeout(() => {
      const controller = (asked.current = new AbortController());
      api.check(text, SAMPLE, controller.signal).then(
        (checked) => setSaid({ text, checked }),
        (error: unknown) => {
          if (!controller.signal.aborted) setSaid({ text, error: error as ApiError });
        },
      );
    }, CHECK_AFTER);
    return () => {
      clearTimeout(timer);
      asked.current?.abort();
    };
  }, [text, shown]);
  return said.text === text || said.error?.status === 0 ? said : {};
}

interface Props extends Said {
  text: string;
  /** What no filter means here. */
  empty: string;
  children?: ComponentChildren;
}

/** What the gateway said: what is wrong, or how many events match. */
export function Verdict({ text, empty, checked, error, children }: Props) {
  if (text.trim() === "") return <p class="verdict quiet">{empty}</p>;
  if (error?.status === 404)
    return <p class="verdict quiet">This gateway does not check filters before they are applied.</p>;
  if (error) {
    return (
      <p class="verdict verdict-wrong" role="alert">
        <Name>{error.message}</Name>
        {error.details.pointer ? ` (at ${error.details.pointer})` : ""}
      </p>
    );
  }
  if (!checked) return <p class="verdict quiet">…</p>;
  return (
    <p class="verdict" data-testid="verdict">
      {checked.sampled === 0 ? (
        "There is no event to try it on yet."
      ) : (
        <>
          <strong>{count(checked.matched)}</strong> of the last {count(checked.sampled)} events match.
        </>
      )}{" "}
      {children}
    </p>
  );
}
