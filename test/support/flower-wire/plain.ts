/** A value as JSON can hold it: integers as "42n", bytes as "hex:...", a request id, which is random, as "*". */
export function toPlain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, one) => {
      if (key === 'requestId') return '*';
      if (typeof one === 'bigint') return `${one}n`;
      if (Buffer.isBuffer(one)) return `hex:${one.toString('hex')}`;
      // JSON.stringify asks a Buffer for its own form before we see it.
      if (isBufferForm(one)) return `hex:${Buffer.from(one.data).toString('hex')}`;
      return one instanceof Uint8Array ? `hex:${Buffer.from(one).toString('hex')}` : one;
    }),
  );
}

function isBufferForm(value: unknown): value is { data: number[] } {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer';
}
