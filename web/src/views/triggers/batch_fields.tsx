import { sendsOne, usualSize } from "../../lib/trigger_draft.js";
import { TextField } from "../../ui/field.js";
import type { Part } from "./part.js";

/** How many events gather, and for how long. */
export function BatchFields({ draft, set }: Part) {
  const one = sendsOne(draft);
  return (
    <section class="card">
      <fieldset>
        <legend>Window</legend>
        <div class="fields">
          <TextField
            label="Events in a batch, at most"
            pointer="/batch/size"
            inputMode="numeric"
            disabled={one}
            placeholder={draft.kind === "http" ? usualSize(draft.format) : "10"}
            hint={one ? "This format sends one event a request." : "1 to 1,000"}
            value={one ? "" : draft.size}
            onText={(size) => set({ size })}
          />
          <TextField
            label="Waits for more, at most"
            pointer="/batch/cutoff"
            placeholder="10s"
            hint="0 to 60s"
            value={draft.cutoff}
            onText={(cutoff) => set({ cutoff })}
          />
        </div>
      </fieldset>
    </section>
  );
}
