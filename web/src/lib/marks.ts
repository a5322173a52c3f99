// Text of others, made so that it reads as what it is. Names keep characters that nobody sees, or that turn around what
// stands beside them; here each is shown by its number.

/** What shows nothing, or changes how the text around it is read: controls, directions, zero widths, fillers. */
const ODD = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
export const EACH_ODD = new RegExp(ODD.source, "gu");

/** Whether a reader could take `text` for another. */
export function hasOdd(text: string): boolean {
  return ODD.test(text);
}

/** `U+202E` */
export function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The text where there is no room but for text: a title, a label. */
export function marked(text: string): string {
  // On their own, so that what stands behind the text keeps its direction.
  return text.replace(EACH_ODD, (character) => `[${codePoint(character)}]`);
}

/** The text in pieces, of which every second one is an odd character. */
export function pieces(text: string): string[] {
  return text.split(new RegExp(`(${ODD.source})`, "u"));
}

/** The same text as JSON, with odd characters as escapes: it can be read, and means the same where it is copied to. */
export function readableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(EACH_ODD, (character) =>
    character === "\n" ? character : escaped(character),
  );
}

function escaped(character: string): string {
  let units = "";
  for (let i = 0; i < character.length; i++)
    units += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  return units;
}
