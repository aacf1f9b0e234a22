import { BinaryReader } from '@bufbuild/protobuf/wire';
import { AppError } from '../../../core/errors.ts';
import { KiB } from './binding.ts';

/** Everything but the bundle's bytes: a few bytes can ask for an object each, so that only the bundle may be large. */
const MAX_BESIDE_BUNDLE = 256 * KiB;
const LENGTH_DELIMITED = 2;

/**
 * Bounds what a submission carries beside its bundle, before anything is decoded. `path`: numbers of the fields, one in
 * the other, of which the last one is the bundle or a piece of it. @throws RESOURCE_EXHAUSTED REQUEST_TOO_LARGE
 */
export function boundBesideBundle(messages: readonly Uint8Array[], path: readonly number[]): void {
  let left = MAX_BESIDE_BUNDLE;
  const spend = (bytes: number) => {
    left -= bytes;
    if (left >= 0) return;
    const text = `Beside its bundle a submission has at most ${MAX_BESIDE_BUNDLE} bytes.`;
    throw new AppError('RESOURCE_EXHAUSTED', 'REQUEST_TOO_LARGE', text);
  };
  const read = (bytes: Uint8Array, [large, ...rest]: readonly number[]) => {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const start = reader.pos;
      const [field, type] = reader.tag();
      if (field === large && type === LENGTH_DELIMITED) {
        const content = reader.bytes();
        spend(reader.pos - start - content.length);
        if (rest.length > 0) read(content, rest);
      } else {
        reader.skip(type, field);
        spend(reader.pos - start);
      }
    }
  };
  for (const message of messages) read(message, path);
}
