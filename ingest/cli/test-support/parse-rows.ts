/** A plain reader of the sample log, apart from the one under test: quoted cells without newlines. */
export function parseRows(text: string): Record<string, string>[] {
  const [header = [], ...rows] = text
    .replace('\u{feff}', '')
    .trimEnd()
    .split('\r\n')
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
      ),
    );
  return rows.map((cells) => Object.fromEntries(header.map((name, index) => [name, cells[index] ?? ''])));
}
