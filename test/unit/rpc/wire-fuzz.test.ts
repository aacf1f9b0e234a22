import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isAppError } from '../../../src/core/errors.ts';
import { StartRunHeader } from '../../../src/gen/fedctl/v1/runs.ts';
import { type Binding, MiB, type Wire } from '../../../src/server/rpc/wire/binding.ts';
import { fedctlV1 } from '../../../src/server/rpc/wire/fedctl-v1.ts';
import { flowerControl, flowerExec } from '../../../src/server/rpc/wire/flower-control.ts';
import { flowerHttp } from '../../../src/server/rpc/wire/flower-http.ts';
import { toPlain } from '../../support/flower-wire/plain.ts';
import { headersOf, type RecordedCall } from '../../support/flower-wire/stage.ts';
import { EXPENSIVE, hostileMessage, mutated, varint } from './hostile.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/flower-wire');
const CORPUS = join(import.meta.dirname, '../../fuzz-corpus/requests.json');

const recorded = readdirSync(FIXTURES)
  .flatMap((file): RecordedCall[] => JSON.parse(readFileSync(join(FIXTURES, file), 'utf8')))
  .map(({ request }) => Buffer.from(request, 'hex'));
/** Requests that once broke something, or show a kind of breakage: hexadecimal by name. */
const corpus: Readonly<Record<string, string>> = JSON.parse(readFileSync(CORPUS, 'utf8'));

const HEADERS = [headersOf(''), headersOf('1.32.1'), headersOf('9.99999.0'), headersOf('1.32.1\u2028')];
/** Milliseconds for one request of at most 64 KiB, on a busy machine. */
const PATIENCE = 1_000;

/** What a transport does with the bytes of a call: an input, or an error that says so. */
function read(binding: Binding, message: Buffer, headers = HEADERS[0] as (typeof HEADERS)[0]): unknown {
  let used = binding;
  try {
    used = binding.instead?.(message) ?? binding;
  } catch {
    // Malformed bytes choose nothing.
  }
  try {
    return used.decode([message], headers);
  } catch (error) {
    if (isAppError(error)) expect(error.message).toMatch(/^[^\p{Cc}]{10,600}$/u);
    return undefined;
  }
}

function expectHarmless(binding: Binding, message: Buffer, headers = HEADERS[0] as (typeof HEADERS)[0]): void {
  const begun = performance.now();
  const input = read(binding, message, headers);
  expect(performance.now() - begun).toBeLessThan(PATIENCE);
  expect(Object.keys(Object.prototype)).toEqual([]);
  if (input === undefined) return;
  expect(JSON.stringify(toPlain(input)).length).toBeLessThan(2_000 + 40 * message.length);
}

const wires: readonly { name: string; wire: Wire }[] = [
  { name: 'fedctl.v1', wire: fedctlV1 },
  { name: 'Control', wire: flowerControl },
  { name: 'Exec', wire: flowerExec },
  { name: 'Control over HTTP', wire: flowerHttp },
];

describe.each(wires)('requests of $name', ({ wire }) => {
  test('any bytes are an input or a refusal, at once', () => {
    const binding = fc.constantFrom(...wire.bindings);
    const message = fc.oneof(hostileMessage, mutated(recorded));
    const harmless = fc.property(binding, message, fc.constantFrom(...HEADERS), expectHarmless);
    fc.assert(harmless, { numRuns: 600, interruptAfterTimeLimit: 20_000 });
  });

  test.each(Object.keys(EXPENSIVE))('expensive: %s', (name) => {
    for (const binding of wire.bindings) expectHarmless(binding, EXPENSIVE[name] as Buffer);
  });

  test.each(Object.keys(corpus))('corpus: %s', (name) => {
    for (const binding of wire.bindings) expectHarmless(binding, Buffer.from(corpus[name] ?? '', 'hex'));
  });
});

describe('a submission of flwr as large as it may be', () => {
  const start = flowerControl.bindings.find(({ method }) => method === 'runs.start') as Binding;
  const bundle = Buffer.alloc(10 * MiB, 7);
  const fab = Buffer.concat([Buffer.from([0x12]), varint(BigInt(bundle.length)), bundle]);
  const submission = Buffer.concat([Buffer.from([0x0a]), varint(BigInt(fab.length)), fab]);

  test('is read', () => {
    const input = read(start, submission) as { bundle: Buffer };
    // Element by element, as toEqual compares, takes minutes.
    expect(bundle.equals(input.bundle)).toBe(true);
  });

  test.each([
    ['one number for each byte', Buffer.alloc(MiB, Buffer.concat([Buffer.from([0x4a, 0x7f]), Buffer.alloc(127)]))],
    ['one text for each two bytes', Buffer.alloc(MiB, Buffer.from([0x3a, 0x00]))],
    ['one bundle for each two bytes', Buffer.alloc(MiB, Buffer.from([0x0a, 0x00]))],
    [
      'one pair for each two bytes of a bundle',
      Buffer.concat([Buffer.from([0x0a]), varint(BigInt(MiB)), Buffer.alloc(MiB, Buffer.from([0x1a, 0x00]))]),
    ],
  ])('has no room for %s', (_name, more) => {
    const decode = () => start.decode([Buffer.concat([submission, more])], HEADERS[0] as (typeof HEADERS)[0]);
    expect(decode).toThrow(expect.objectContaining({ reason: 'REQUEST_TOO_LARGE' }));
  });
});

describe('a submission of fedctl', () => {
  const start = fedctlV1.bindings.find(({ method }) => method === 'runs.start') as Binding;
  const decode = (...messages: Buffer[]) => start.decode(messages, HEADERS[0] as (typeof HEADERS)[0]);
  const field = (tag: number, content: Buffer) =>
    Buffer.concat([Buffer.from([tag]), varint(BigInt(content.length)), content]);
  const bundle = Buffer.alloc(10 * MiB, 7);
  const header = (more: Buffer) =>
    field(0x0a, Buffer.concat([field(0x0a, Buffer.from('request-1')), BUNDLE_SIZE, more]));
  const BUNDLE_SIZE = Buffer.from(
    StartRunHeader.encode(StartRunHeader.fromPartial({ bundleSize: 10485760n })).finish(),
  );

  test('is read', () => {
    const input = decode(header(Buffer.alloc(0)), field(0x12, bundle)) as unknown as { bundle: Buffer };
    expect(bundle.equals(input.bundle)).toBe(true);
  });

  test.each([
    ['its header', header(Buffer.alloc(MiB, Buffer.from([0x1a, 0x00])))],
    ['a second header', Buffer.concat([header(Buffer.alloc(0)), header(Buffer.alloc(MiB, Buffer.from([0x1a, 0x00])))])],
    [
      'a message of many chunks',
      Buffer.concat([header(Buffer.alloc(0)), Buffer.alloc(MiB, Buffer.from([0x12, 0x00]))]),
    ],
  ])('has no room for one pair for each two bytes in %s', (_name, first) => {
    expect(() => decode(first, field(0x12, bundle))).toThrow(expect.objectContaining({ reason: 'REQUEST_TOO_LARGE' }));
  });
});
