import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** What becomes of one field: another number, and where it is a message, other bytes; undefined leaves it out. */
export type Retag = (field: number, bytes: Uint8Array | undefined) => { field: number; bytes?: Uint8Array } | undefined;

/**
 * A message with other field numbers: for numbers that changed their meaning between releases (flower/facts "Wire breaks").
 * @throws Error for bytes that are no message
 */
export function retag(message: Uint8Array, change: Retag): Uint8Array {
  const reader = new BinaryReader(message);
  const writer = new BinaryWriter();
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited) {
      const bytes = reader.bytes();
      const to = change(field, bytes);
      if (to !== undefined) writer.tag(to.field, type).bytes(to.bytes ?? bytes);
      continue;
    }
    const raw = reader.skip(type, field);
    const to = change(field, undefined);
    if (to !== undefined) writer.tag(to.field, type).raw(raw);
  }
  return writer.finish();
}
