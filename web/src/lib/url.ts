/** What the page shows, as its URL holds it. Whatever is as usual is left out. */
export interface Place {
  view: View;
  filter: string;
  /** Events in a batch, at most. */
  size: number;
  /** How long a batch may gather: `100ms`, `1s`. */
  cutoff: string;
  time: "relative" | "absolute";
  /** The event whose details are open. */
  event: string;
  registry: string;
  repository: string;
  cloud: string;
  trigger: string;
  /** The form of a trigger that is open: of a new one, or of `trigger`. */
  form: "" | "new" | "edit";
}

export const VIEWS = ["live", "repositories", "sources", "triggers", "activity", "system"] as const;
export type View = (typeof VIEWS)[number];

const USUAL: Place = {
  view: "live",
  filter: "",
  size: 100,
  cutoff: "100ms",
  time: "relative",
  event: "",
  registry: "",
  repository: "",
  cloud: "",
  trigger: "",
  form: "",
};

/** What is of one view alone, so that another one begins without it. */
export const AFRESH = {
  event: "",
  registry: "",
  repository: "",
  cloud: "",
  trigger: "",
  form: "",
} satisfies Partial<Place>;

const FORMS = ["new", "edit"] as const;

export const CUTOFFS = ["0", "100ms", "250ms", "1s", "5s", "30s"];

export function read(search: string): Place {
  const given = new URLSearchParams(search);
  const text = (name: keyof Place) => given.get(name) ?? String(USUAL[name]);
  const size = Number(text("size"));
  return {
    view: VIEWS.find((view) => view === text("view")) ?? USUAL.view,
    filter: text("filter"),
    size: Number.isInteger(size) && size >= 1 && size <= 5000 ? size : USUAL.size,
    cutoff: CUTOFFS.includes(text("cutoff")) ? text("cutoff") : USUAL.cutoff,
    time: text("time") === "absolute" ? "absolute" : "relative",
    event: text("event"),
    registry: text("registry"),
    repository: text("repository"),
    cloud: text("cloud"),
    trigger: text("trigger"),
    form: FORMS.find((form) => form === text("form")) ?? USUAL.form,
  };
}

/** `?…`, or nothing where all is as usual. */
export function write(place: Place): string {
  const search = new URLSearchParams();
  for (const name of Object.keys(USUAL) as (keyof Place)[]) {
    if (place[name] !== USUAL[name]) search.set(name, String(place[name]));
  }
  return search.size > 0 ? `?${search}` : "";
}
