import { signal } from "@preact/signals";

const KEEP = 12;

/** Filters that were applied in this browser, the newest first. */
export const remembered = signal<string[]>(stored());

export function remember(filter: string): void {
  remembered.value = [filter, ...remembered.value.filter((other) => other !== filter)].slice(0, KEEP);
  localStorage.setItem("filters", JSON.stringify(remembered.value));
}

function stored(): string[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem("filters") ?? "[]");
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  } catch {
    return [];
  }
}
