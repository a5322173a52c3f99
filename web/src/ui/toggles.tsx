import { ZONE } from "../lib/time.js";
import { go, place } from "../state/place.js";
import { theme } from "../state/session.js";

/** How times are shown. */
export function TimeToggle() {
  const absolute = place.value.time === "absolute";
  return (
    <button
      type="button"
      class="ghost"
      aria-pressed={absolute}
      title={
        absolute ? `Clock times, ${ZONE}. Click for “how long ago”.` : "How long ago. Click for clock times."
      }
      aria-label="Show clock times"
      onClick={() => go({ time: absolute ? "relative" : "absolute" }, true)}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6.200" />
        <path d="M8 4.500V8l2.500 1.700" />
      </svg>
    </button>
  );
}

const NEXT: Record<string, string> = { auto: "light", light: "dark", dark: "auto" };
const NAMES: Record<string, string> = { auto: "as the system has it", light: "light", dark: "dark" };

/** Light, dark, or as the system has it. */
export function ThemeToggle() {
  const { value } = theme;
  const name = `Colours: ${NAMES[value] ?? value}`;
  return (
    <button
      type="button"
      class="ghost"
      title={`${name}. Click to change.`}
      aria-label={name}
      onClick={() => (theme.value = NEXT[value] ?? "auto")}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        {value === "light" && (
          <>
            <circle cx="8" cy="8" r="3" />
            <path d="M8 1.200v1.600M8 13.200v1.600M1.200 8h1.600M13.200 8h1.600M3.200 3.200l1.100 1.100M11.700 11.700l1.100 1.100M12.800 3.200l-1.100 1.100M4.300 11.700l-1.100 1.100" />
          </>
        )}
        {value === "dark" && <path d="M13.500 9.600A6 6 0 0 1 6.400 2.500a5.800 5.800 0 1 0 7.100 7.100z" />}
        {value === "auto" && (
          <>
            <circle cx="8" cy="8" r="6.200" />
            <path class="filled" d="M8 1.800a6.200 6.200 0 0 1 0 12.400z" />
          </>
        )}
      </svg>
    </button>
  );
}
