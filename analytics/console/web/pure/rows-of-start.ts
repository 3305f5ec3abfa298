/** The list that reports have their rows in. */
const ROWS = /"rows"\s*:\s*\[/;

/**
 * The whole rows in the beginning of a report's JSON, which may end in the middle of one.
 * @throws SyntaxError for rows that are no JSON.
 */
export function rowsOfStart(text: string): unknown[] {
  const opened = ROWS.exec(text);
  if (opened === null) return [];
  const rows: unknown[] = [];
  let depth = 0;
  let inText = false;
  let from = 0;
  for (let at = opened.index + opened[0].length; at < text.length; at++) {
    const letter = text[at];
    if (inText) {
      if (letter === '\\') at += 1;
      else if (letter === '"') inText = false;
      continue;
    }
    if (letter === '"') inText = true;
    else if (letter === '{' || letter === '[') {
      if (depth === 0) from = at;
      depth += 1;
    } else if (letter === '}' || letter === ']') {
      depth -= 1;
      // The end of the list itself.
      if (depth < 0) return rows;
      if (depth === 0) rows.push(JSON.parse(text.slice(from, at + 1)));
    }
  }
  return rows;
}
