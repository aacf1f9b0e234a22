import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Binding } from '../../../src/server/rpc/wire/binding.ts';
import { flowerControl, flowerExec } from '../../../src/server/rpc/wire/flower-control.ts';
import { FIXED_ANSWERS } from '../../support/flower-wire/fixed-answers.ts';
import { toPlain } from '../../support/flower-wire/plain.ts';
import { headersOf, type RecordedCall } from '../../support/flower-wire/stage.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/flower-wire');
const bindings = [...flowerControl.bindings, ...flowerExec.bindings];
const recordings = readdirSync(FIXTURES).map((file) => {
  const calls: RecordedCall[] = JSON.parse(readFileSync(join(FIXTURES, file), 'utf8'));
  return { release: file.replace('.json', ''), calls };
});

function bindingOf({ path, request }: RecordedCall): Binding {
  const binding = bindings.find((one) => one.path === path);
  if (!binding) throw new Error(`${path} is not served`);
  return binding.instead?.(Buffer.from(request, 'hex')) ?? binding;
}

async function encoded(binding: Binding, call: RecordedCall): Promise<readonly string[]> {
  const answer = binding.encode(FIXED_ANSWERS[call.method]?.() as never, headersOf(call.release));
  const messages: string[] = [];
  if (answer instanceof Uint8Array) messages.push(Buffer.from(answer).toString('hex'));
  else for await (const message of answer) messages.push(Buffer.from(message).toString('hex'));
  return messages;
}

/** Bytes as test/support/flower-wire/record.ts saw them between the real clients and the wires. */
describe.each(recordings)('flwr $release', ({ calls }) => {
  test('its requests mean what they meant', () => {
    expect(calls.length).toBeGreaterThan(5);
    for (const call of calls) {
      const binding = bindingOf(call);
      const input = binding.decode([Buffer.from(call.request, 'hex')], headersOf(call.release));
      expect({ path: call.path, method: binding.method, input: toPlain(input) }).toEqual({
        path: call.path,
        method: call.method,
        input: call.input,
      });
    }
  });

  test('its answers are the same bytes', async () => {
    for (const call of calls) {
      expect({ path: call.path, answer: await encoded(bindingOf(call), call) }).toEqual({
        path: call.path,
        answer: call.answer,
      });
    }
  });
});
