const NOT_ASCII = /[\x80-\uffff]/;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** uWS gives a header's bytes one by one (Latin-1); proxies send UTF-8, so that is tried first. */
export function headerText(value: string): string {
  if (!NOT_ASCII.test(value)) return value;
  try {
    return utf8.decode(Buffer.from(value, 'latin1'));
  } catch {
    return value;
  }
}
