import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';

/** An entry as it shall stand in the archive; what is not given is what flwr writes (stored, unix, regular, 0600). */
export interface ZipPart {
  readonly name: string | Buffer;
  readonly data?: string | Buffer;
  readonly deflate?: boolean;
  readonly flags?: number;
  readonly method?: number;
  readonly madeBy?: number;
  readonly attributes?: number;
  readonly crc?: number;
  /** Declared sizes, where they shall lie. */
  readonly size?: number;
  readonly packedSize?: number;
  /** Name in the local header, where it shall differ. */
  readonly localName?: string;
  /** Point at the local header of this entry (by index) instead of an own one. */
  readonly sameAs?: number;
  readonly extra?: Buffer;
}

interface Written {
  readonly part: ZipPart;
  readonly offset: number;
  readonly packed: Buffer;
  readonly crc: number;
  readonly size: number;
}

/** A ZIP archive byte by byte: archive writers refuse to write what these tests need. */
export function buildZip(
  parts: readonly ZipPart[],
  end: { count?: number; prefix?: Buffer; suffix?: Buffer } = {},
): Buffer {
  const chunks: Buffer[] = [];
  const written: Written[] = [];
  let offset = 0;
  for (const part of parts) {
    const data = Buffer.from(part.data ?? '');
    const packed = part.deflate ? deflateRawSync(data, { level: 9 }) : data;
    const shared = part.sameAs === undefined ? undefined : written[part.sameAs];
    const one = {
      part,
      offset: shared?.offset ?? offset,
      packed: shared?.packed ?? packed,
      crc: part.crc ?? shared?.crc ?? crc32(data),
      size: part.size ?? shared?.size ?? data.length,
    };
    written.push(one);
    if (shared !== undefined) continue;
    const name = Buffer.from(part.localName ?? part.name);
    const local = Buffer.concat([
      Buffer.from([0x50, 0x4b, 3, 4, 20, 0]),
      common(one),
      lengths(name.length, 0),
      name,
      one.packed,
    ]);
    chunks.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(written.map(centralHeader));
  const eocd = Buffer.alloc(22);
  eocd.writeUInt32LE(0x06054b50, 0);
  eocd.writeUInt16LE(end.count ?? parts.length, 8);
  eocd.writeUInt16LE(end.count ?? parts.length, 10);
  eocd.writeUInt32LE(directory.length, 12);
  eocd.writeUInt32LE(offset, 16);
  return Buffer.concat([end.prefix ?? Buffer.alloc(0), ...chunks, directory, eocd, end.suffix ?? Buffer.alloc(0)]);
}

function common({ part, packed, crc, size }: Written): Buffer {
  const out = Buffer.alloc(20);
  out.writeUInt16LE(part.flags ?? 0, 0);
  out.writeUInt16LE(part.method ?? (part.deflate ? 8 : 0), 2);
  out.writeUInt16LE(0x5941, 6);
  out.writeUInt32LE(crc, 8);
  out.writeUInt32LE(part.packedSize ?? packed.length, 12);
  out.writeUInt32LE(size, 16);
  return out;
}

function lengths(name: number, extra: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt16LE(name, 0);
  out.writeUInt16LE(extra, 2);
  return out;
}

function centralHeader(one: Written): Buffer {
  const name = Buffer.from(one.part.name);
  const extra = one.part.extra ?? Buffer.alloc(0);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x02014b50, 0);
  head.writeUInt16LE(one.part.madeBy ?? (3 << 8) | 20, 4);
  head.writeUInt16LE(20, 6);
  const tail = Buffer.alloc(14);
  tail.writeUInt32LE((one.part.attributes ?? 0x01800000) >>> 0, 6);
  tail.writeUInt32LE(one.offset, 10);
  return Buffer.concat([head, common(one), lengths(name.length, extra.length), tail, name, extra]);
}

/** Files as flwr packs them: pyproject.toml first, the others sorted, then the manifest (newline-free style). */
export function buildBundle(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const names = Object.keys(files)
    .filter((name) => name !== 'pyproject.toml')
    .sort();
  if ('pyproject.toml' in files) names.unshift('pyproject.toml');
  const parts = names.map((name) => ({ name, data: Buffer.from(files[name] ?? '') }));
  const manifest = parts.map(
    ({ name, data }) => `${name},${createHash('sha256').update(data).digest('hex')},${data.length * 8}`,
  );
  return buildZip([...parts, { name: '.info/CONTENT', data: manifest.join('\n') }]);
}

/** The bundle of a fixture app; `salt` makes its hash another one. */
export function fixtureBundle(folder: string, salt = ''): Buffer {
  const files: Record<string, Buffer> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && /\.(py|toml)$/.test(entry.name)) files[relative(folder, path)] = readFileSync(path);
  }
  if (salt !== '') files['salt.md'] = Buffer.from(salt);
  return buildBundle(files);
}
