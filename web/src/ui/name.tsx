import { codePoint, hasOdd, pieces } from "../lib/marks.js";

/** Text of others: apart from what stands beside it, and with a mark for each character that would show nothing. */
export function Name({ children: text, class: look }: { children: string; class?: string }) {
  return <bdi {...(look && { class: look })}>{hasOdd(text) ? pieces(text).map(Piece) : text}</bdi>;
}

function Piece(text: string, index: number) {
  if (index % 2 === 0) return text;
  return (
    <span key={index} class="odd" title="A character that shows nothing, or turns text around">
      {codePoint(text)}
    </span>
  );
}
