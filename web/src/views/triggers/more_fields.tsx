import { useContext, useState } from "preact/hooks";

import { CheckField, FormFault, TextField } from "../../ui/field.js";
import type { Part } from "./part.js";

type Name = "bytes" | "timeout" | "attempts" | "interval" | "ttl" | "cloud" | "account";

const FIELDS: [name: Name, pointer: string, label: string, usual: string, hint: string][] = [
  ["attempts", "/retry/attempts", "Attempts for a batch", "no bound", "1 to 30"],
  ["interval", "/retry/interval", "Time between attempts", "5s, 30s, 2m, 10m, 30m, 1h …", "1s to 1h"],
  ["ttl", "/retry/ttl", "Given up at this age", "24h", "1s to 7d"],
  ["timeout", "/target/http/timeout", "Time for an answer", "20s", "1s to 20s"],
  ["bytes", "/batch/bytes", "Bytes in a batch, at most", "256KiB", "1KiB to 1MiB"],
  ["cloud", "/cloud_id", "Cloud", "the token’s, or default", "Whose events"],
  ["account", "/service_account", "On behalf of", "nobody", "A reader of the settings"],
];

/** What is seldom wanted. */
export function MoreFields({ draft, known, set }: Part) {
  const fault = useContext(FormFault);
  const faulty = FIELDS.some(([, pointer]) => pointer === fault?.field);
  const [open, setOpen] = useState(known.cloud !== "default" || known.account !== "" || !known.deadLetter);
  const shown = FIELDS.filter(([name]) => name !== "timeout" || draft.kind === "http");
  return (
    <details class="card" open={open || faulty} onToggle={(toggle) => setOpen(toggle.currentTarget.open)}>
      <summary>Attempts, dead letters and more</summary>
      <div class="fields">
        {shown.map(([name, pointer, label, usual, hint]) => (
          <TextField
            key={name}
            label={label}
            pointer={pointer}
            placeholder={usual}
            hint={hint}
            value={draft[name]}
            onText={(text) => set({ [name]: text })}
          />
        ))}
      </div>
      <CheckField
        label="Keep what is given up as a dead letter"
        checked={draft.deadLetter}
        onCheck={(deadLetter) => set({ deadLetter })}
      />
      <CheckField
        label="It runs; else it is paused"
        checked={draft.enabled}
        onCheck={(enabled) => set({ enabled })}
      />
    </details>
  );
}
