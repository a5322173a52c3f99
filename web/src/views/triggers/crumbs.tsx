import { Link } from "../../ui/link.js";

export function Crumbs({ name }: { name?: string }) {
  return (
    <p class="crumbs">
      <Link to={{ trigger: "", cloud: "", form: "" }}>Triggers</Link>
      {name && (
        <>
          {" "}
          <span aria-hidden="true">/</span> <Link to={{ trigger: name, form: "" }}>{name}</Link>
        </>
      )}
    </p>
  );
}
