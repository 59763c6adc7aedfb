// Text from the network: topics, client identifiers, payloads. It is shown as data, and nothing in it is invisible: control
// characters, marks that turn the direction of the text, and characters of no width each get a visible stand-in.

/** A run of text to show as it is, or a mark that stands for one character. */
export interface Piece {
  /** What to show. */
  text: string;
  /** The character that a mark stands for, as `U+202E`; not there for plain text. */
  mark?: string;
}

/** The controls that have a usual short name. */
const SHORT: Record<number, string> = { 0: '\\0', 9: '\\t', 10: '\\n', 13: '\\r', 27: '\\e' };

/**
 * Controls; soft hyphen; Arabic letter mark; zero-width and bidirectional marks, embeddings, overrides and isolates; line
 * and paragraph separators; invisible operators; the byte-order mark; interlinear marks; tag characters.
 */
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffc\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;

function standIn(character: string): Piece {
  const code = character.codePointAt(0) ?? 0;
  const mark = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  return { text: SHORT[code] ?? mark, mark };
}

/** Cuts a text into runs and marks. With `lines`, line feeds and tabs stay as they are. */
export function pieces(text: string, lines = false): Piece[] {
  const out: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    const character = match[0];
    if (lines && (character === '\n' || character === '\t')) continue;
    if (match.index > from) out.push({ text: text.slice(from, match.index) });
    out.push(standIn(character));
    from = match.index + character.length;
  }
  if (from < text.length) out.push({ text: text.slice(from) });
  return out;
}

/** The same as plain text, for labels and titles. */
export function visible(text: string): string {
  return pieces(text)
    .map((piece) => (piece.mark === undefined ? piece.text : `⟨${piece.text}⟩`))
    .join('');
}
