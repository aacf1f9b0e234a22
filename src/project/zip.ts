import { crc32 } from 'node:zlib';

export interface ZipEntry {
  /** Path with `/`. */
  readonly name: string;
  readonly content: Uint8Array;
}

/** 2024-10-01 00:00:00, the date that Flower gives every entry (facts section 5). */
const DOS_DATE = ((2024 - 1980) << 9) | (10 << 5) | 1;
const VERSION_NEEDED = 20;
const MADE_BY_UNIX = 3 << 8;
const MODE_0600 = 0o600 << 16;
const UTF8_NAME = 0x0800;

/** Fields that local header and directory share: flags, method (stored), time, date, CRC, sizes, name length. */
function commonFields(entry: ZipEntry, name: Buffer): Buffer {
  const fields = Buffer.alloc(24);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is meant.
  fields.writeUInt16LE(/^[\u0000-\u007f]*$/.test(entry.name) ? 0 : UTF8_NAME, 0);
  fields.writeUInt16LE(DOS_DATE, 6);
  fields.writeUInt32LE(crc32(entry.content), 8);
  fields.writeUInt32LE(entry.content.length, 12);
  fields.writeUInt32LE(entry.content.length, 16);
  fields.writeUInt16LE(name.length, 20);
  return fields;
}

function localHeader(common: Buffer): Buffer {
  const start = Buffer.alloc(6);
  start.writeUInt32LE(0x04034b50, 0);
  start.writeUInt16LE(VERSION_NEEDED, 4);
  return Buffer.concat([start, common]);
}

function directoryHeader(common: Buffer, offset: number): Buffer {
  const start = Buffer.alloc(8);
  start.writeUInt32LE(0x02014b50, 0);
  start.writeUInt16LE(MADE_BY_UNIX | VERSION_NEEDED, 4);
  start.writeUInt16LE(VERSION_NEEDED, 6);
  const end = Buffer.alloc(14);
  end.writeUInt32LE(MODE_0600, 6);
  end.writeUInt32LE(offset, 10);
  return Buffer.concat([start, common, end]);
}

/**
 * A ZIP archive with every entry stored as it is, in the given order, with the entry fields of Flower's bundles:
 * the same entries give the same bytes. For less than 65,536 entries and 4 GiB.
 */
export function writeZip(entries: readonly ZipEntry[]): Buffer {
  const body: Uint8Array[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name, 'utf8');
    const common = commonFields(entry, name);
    const header = localHeader(common);
    directory.push(directoryHeader(common, offset), name);
    body.push(header, name, entry.content);
    offset += header.length + name.length + entry.content.length;
  }
  const directoryBytes = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directoryBytes.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...body, directoryBytes, end]);
}
