/** Short texts, which are mostly ASCII, are copied here: a call into Node costs more. */
const INLINE_TEXT_MAX = 40;
const ASCII_MAX = 0x7f;
/** Taken once: V8 keeps strings in many forms, and asked of a text of another one each time it is looked up again and again. */
const { charCodeAt } = String.prototype;

/** A growing little-endian writer; strings are UTF-8 behind a 16-bit length. The layouts stand where they are used. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(initialBytes = 256) {
    this.#buffer = Buffer.allocUnsafe(initialBytes);
  }

  get length(): number {
    return this.#length;
  }

  reset(): void {
    this.#length = 0;
  }

  #reserve(bytes: number): number {
    const at = this.#length;
    const end = at + bytes;
    if (end > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, at);
      this.#buffer = grown;
    }
    this.#length = end;
    return at;
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#buffer[at] = value;
  }

  u16(value: number): void {
    const at = this.#reserve(2);
    this.#buffer.writeUInt16LE(value, at);
  }

  /** Over two bytes that were written before. */
  u16At(at: number, value: number): void {
    this.#buffer.writeUInt16LE(value, at);
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#buffer.writeUInt32LE(value, at);
  }

  /** A double: exact for every integer up to 2^53. */
  f64(value: number): void {
    const at = this.#reserve(8);
    this.#buffer.writeDoubleLE(value, at);
  }

  text(value: string): void {
    const { length } = value;
    if (length > INLINE_TEXT_MAX) {
      this.#longText(value);
      return;
    }
    const at = this.#reserve(2 + length);
    const buffer = this.#buffer;
    buffer[at] = length;
    buffer[at + 1] = 0;
    for (let index = 0; index < length; index++) {
      const code = charCodeAt.call(value, index);
      if (code > ASCII_MAX) {
        this.#length = at;
        this.#longText(value);
        return;
      }
      buffer[at + 2 + index] = code;
    }
  }

  #longText(value: string): void {
    const bytes = Buffer.byteLength(value);
    const at = this.#reserve(2 + bytes);
    this.#buffer.writeUInt16LE(bytes, at);
    this.#buffer.write(value, at + 2, bytes, 'utf8');
  }

  /** Bytes given in hexadecimal. */
  hex(value: string): void {
    const at = this.#reserve(value.length / 2);
    this.#buffer.write(value, at, 'hex');
  }

  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#buffer.set(value, at);
  }

  /** What was written, in place: valid until the next write. */
  written(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** A copy of what was written. */
  take(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }
}

/** Reads what ByteWriter or the commit script's `struct.pack` wrote; throws RangeError past the end. */
export class ByteReader {
  readonly #buffer: Buffer;
  offset: number;

  constructor(buffer: Buffer, offset = 0) {
    this.#buffer = buffer;
    this.offset = offset;
  }

  get remaining(): number {
    return this.#buffer.length - this.offset;
  }

  u8(): number {
    const value = this.#buffer.readUInt8(this.offset);
    this.offset += 1;
    return value;
  }

  u16(): number {
    const value = this.#buffer.readUInt16LE(this.offset);
    this.offset += 2;
    return value;
  }

  u32(): number {
    const value = this.#buffer.readUInt32LE(this.offset);
    this.offset += 4;
    return value;
  }

  f64(): number {
    const value = this.#buffer.readDoubleLE(this.offset);
    this.offset += 8;
    return value;
  }

  text(): string {
    return this.bytes(this.u16()).toString('utf8');
  }

  bytes(length: number): Buffer {
    const end = this.offset + length;
    if (end > this.#buffer.length) throw new RangeError(`needs ${end} bytes, has ${this.#buffer.length}`);
    const value = this.#buffer.subarray(this.offset, end);
    this.offset = end;
    return value;
  }
}
