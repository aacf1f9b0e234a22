import { crc32 } from 'node:zlib';
import { type Entry, fromBufferPromise, type LocalFileHeader, type ZipFile } from 'yauzl';
import { type AppError, isAppError } from '../../core/errors.ts';
import { bundleError, quoted } from './bundle-errors.ts';
import { createNameCheck } from './bundle-names.ts';

const MiB = 1024 * 1024;

/** security.md T-24. The ratio is not asked of what is small anyway. */
export const ZIP_LIMITS = {
  packed: 10 * MiB,
  unpacked: 100_000_000,
  entries: 10_000,
  ratio: 100,
  ratioFrom: MiB,
} as const;

const END_SIZE = 22;
const END_SIGNATURE = 0x06054b50;
const FLAG_ENCRYPTED = 0x1;
const FLAG_DESCRIPTOR = 0x8;
const FLAG_UTF8 = 0x800;
/** Without and with its signature. */
const DESCRIPTOR_SIZES = [12, 16];
const UNIX = 3;
const TYPE_MASK = 0xf000;
const REGULAR = 0x8000;
const DOS_NOT_A_FILE = 0x18;
const UNICODE_PATH = 0x7075;

/** Bytes of the file that belong to an entry. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly name: string;
  /** CRC-32 and sizes follow the data. */
  readonly hasDescriptor: boolean;
}

/** A checked entry: nothing of it has been inflated yet. */
export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  /** The content in pieces; throws BUNDLE_DAMAGED where size or CRC-32 are not as declared. */
  read(): AsyncGenerator<Buffer>;
}

export interface Archive {
  readonly entries: readonly ZipEntry[];
  /** Folders of what is not the app and was let through; names are folded. */
  readonly carried: readonly string[];
}

/**
 * All entries of an archive, each checked against its local header, before anything is inflated.
 * @throws INVALID_ARGUMENT BUNDLE_*
 */
export async function readZip(content: Buffer): Promise<Archive> {
  if (content.length > ZIP_LIMITS.packed) throw tooLarge('packed', `${ZIP_LIMITS.packed / MiB} MiB`);
  checkEnd(content);
  try {
    const zip = await fromBufferPromise(content, { decodeStrings: false, validateEntrySizes: true });
    return await checkEntries(zip, content.readUInt32LE(content.length - END_SIZE + 16));
  } catch (error) {
    throw zipFault(error);
  }
}

/**
 * The end record must be the last 22 bytes and the directory lie right before it: else two readers see two archives.
 * No ZIP64, no comment, no disks: 10 MiB need none of it, and flwr writes none (facts section 5).
 */
function checkEnd(content: Buffer): void {
  const at = content.length - END_SIZE;
  if (at < 0 || content.readUInt32LE(at) !== END_SIGNATURE) {
    throw bundleError('BUNDLE_NOT_A_ZIP', 'The bundle is no app bundle: it does not end as a plain ZIP archive does.');
  }
  const [disk, startDisk, here, all] = [4, 6, 8, 10].map((offset) => content.readUInt16LE(at + offset));
  const [size, offset] = [content.readUInt32LE(at + 12), content.readUInt32LE(at + 16)];
  if (disk !== 0 || startDisk !== 0 || here !== all || offset + size !== at) {
    throw bundleError(
      'BUNDLE_NOT_A_ZIP',
      'The bundle is damaged: the directory of its ZIP archive is not where it should be.',
    );
  }
  if ((all ?? 0) > ZIP_LIMITS.entries) {
    throw bundleError('BUNDLE_BOMB', `The bundle has more than ${ZIP_LIMITS.entries.toLocaleString('en')} entries.`);
  }
}

async function checkEntries(zip: ZipFile, directoryStart: number): Promise<Archive> {
  const names = createNameCheck();
  const entries: ZipEntry[] = [];
  const spans: Span[] = [];
  let unpacked = 0;
  let packed = 0;
  for await (const entry of zip.eachEntry()) {
    const name = decodeName(entry);
    names.check(name);
    checkKind(entry, name);
    unpacked += entry.uncompressedSize;
    packed += entry.compressedSize;
    checkSizes(entry, name, unpacked);
    const local = await zip.readLocalFileHeaderPromise(entry);
    checkLocal(entry, local, name);
    const hasDescriptor = (entry.generalPurposeBitFlag & FLAG_DESCRIPTOR) !== 0;
    const to = local.fileDataStart + entry.compressedSize;
    spans.push({ from: entry.relativeOffsetOfLocalHeader, to, name, hasDescriptor });
    entries.push({ name, size: entry.uncompressedSize, read: () => readEntry(zip, entry, name) });
  }
  if (isBomb(unpacked, packed)) throw bomb();
  checkSpans(spans, directoryStart);
  return { entries, carried: names.carried() };
}

function decodeName(entry: Entry): string {
  const raw = entry.fileNameRaw;
  const isAscii = raw.every((byte) => byte < 0x80);
  if (!isAscii && (entry.generalPurposeBitFlag & FLAG_UTF8) === 0)
    throw unsafe(raw.toString('latin1'), 'has a name that is not UTF-8');
  if (entry.extraFields.some(({ id }) => id === UNICODE_PATH)) throw unsafe(raw.toString('latin1'), 'has two names');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw unsafe(raw.toString('latin1'), 'has a name that is not UTF-8');
  }
}

function checkKind(entry: Entry, name: string): void {
  if ((entry.generalPurposeBitFlag & FLAG_ENCRYPTED) !== 0) throw unsafe(name, 'is encrypted');
  if (!entry.canDecodeFileData()) throw unsafe(name, 'is packed by a method other than "stored" and "deflated"');
  const type = (entry.externalFileAttributes >>> 16) & TYPE_MASK;
  const isUnix = entry.versionMadeBy >>> 8 === UNIX;
  const isRegular = isUnix ? type === 0 || type === REGULAR : type === 0;
  if (!isRegular || (entry.externalFileAttributes & DOS_NOT_A_FILE) !== 0) {
    throw unsafe(name, 'is a link, a folder or a device; a bundle holds regular files only');
  }
}

function checkSizes(entry: Entry, name: string, unpacked: number): void {
  if (unpacked > ZIP_LIMITS.unpacked) throw tooLarge('unpacked', `${ZIP_LIMITS.unpacked / 1e6} MB`);
  if (isBomb(entry.uncompressedSize, entry.compressedSize)) throw bomb(name);
}

/** Readers that walk the file and readers that walk the directory must see the same (security.md T-23). */
function checkLocal(entry: Entry, local: LocalFileHeader, name: string): void {
  const isSame =
    local.fileName.equals(entry.fileNameRaw) &&
    local.compressionMethod === entry.compressionMethod &&
    local.generalPurposeBitFlag === entry.generalPurposeBitFlag;
  const isDescribedLater = (local.generalPurposeBitFlag & FLAG_DESCRIPTOR) !== 0;
  const isSameData =
    local.crc32 === entry.crc32 &&
    local.compressedSize === entry.compressedSize &&
    local.uncompressedSize === entry.uncompressedSize;
  if (!isSame || !(isDescribedLater || isSameData))
    throw unsafe(name, 'is described in two places and not the same way');
}

/**
 * Entries follow each other without gap or overlap from the first byte to the directory: what stands in a gap would be an
 * entry to whoever reads the file from its start.
 */
function checkSpans(spans: Span[], directoryStart: number): void {
  spans.sort((a, b) => a.from - b.from);
  let end = 0;
  let gaps = [0];
  for (const { from, to, name, hasDescriptor } of spans) {
    if (from < end) throw bomb(name);
    if (!gaps.includes(from - end)) throw hidden();
    end = to;
    gaps = hasDescriptor ? DESCRIPTOR_SIZES : [0];
  }
  if (!gaps.includes(directoryStart - end)) throw hidden();
}

function hidden() {
  return bundleError(
    'BUNDLE_NOT_A_ZIP',
    'The bundle has something hidden in front of or between the entries of its ZIP archive.',
  );
}

async function* readEntry(zip: ZipFile, entry: Entry, name: string): AsyncGenerator<Buffer> {
  let crc = 0;
  let size = 0;
  try {
    const stream = await zip.openReadStreamPromise(entry);
    for await (const piece of stream as AsyncIterable<Buffer>) {
      size += piece.length;
      // Counted, not believed: yauzl ends at the declared size, and this at the limit.
      if (size > ZIP_LIMITS.unpacked || size > entry.uncompressedSize) throw bomb(name);
      crc = crc32(piece, crc);
      yield piece;
    }
  } catch (error) {
    throw isAppError(error) ? error : damaged(name);
  }
  if (size !== entry.uncompressedSize || crc !== entry.crc32) throw damaged(name);
}

function isBomb(unpacked: number, packed: number): boolean {
  return unpacked > ZIP_LIMITS.ratioFrom && unpacked > packed * ZIP_LIMITS.ratio;
}

function bomb(name?: string) {
  const what = name === undefined ? 'The bundle' : `Entry ${quoted(name)} of the bundle`;
  return bundleError('BUNDLE_BOMB', `${what} unpacks to far more than it should.`);
}

function tooLarge(how: string, limit: string) {
  return bundleError(
    'BUNDLE_TOO_LARGE',
    `The bundle is too large: more than ${limit} ${how}.`,
    'Keep data and models out of the app; list them in .gitignore.',
  );
}

function unsafe(name: string, what: string) {
  return bundleError('BUNDLE_ENTRY_UNSAFE', `Entry ${quoted(name)} of the bundle ${what}.`);
}

function damaged(name: string) {
  return bundleError('BUNDLE_DAMAGED', `Entry ${quoted(name)} of the bundle is damaged.`);
}

function zipFault(error: unknown): AppError {
  if (isAppError(error)) return error;
  return bundleError('BUNDLE_NOT_A_ZIP', "The bundle is damaged: its ZIP archive can't be read.");
}
