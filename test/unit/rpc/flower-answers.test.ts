import { status } from '@grpc/grpc-js';
import { describe, expect, test } from '@jest/globals';
import { AppError, type ErrorCode } from '../../../src/core/errors.ts';
import * as proto from '../../../src/gen/flwr/proto/control.ts';
import type { Binding, Wire } from '../../../src/server/rpc/wire/binding.ts';
import { flowerControl, flowerExec } from '../../../src/server/rpc/wire/flower-control.ts';
import { publicError } from '../../../src/server/transport/public-error.ts';
import { toStatus } from '../../../src/server/transport/status.ts';
import { headersOf } from '../../support/flower-wire/stage.ts';

function sent(wire: Wire, release: string, error: AppError): readonly [string | undefined, string] {
  const answers = wire.answersFor?.(headersOf(release)) ?? wire.answers;
  const { code, details } = toStatus(publicError(error, 'ref'), 'ref', answers);
  return [status[code], details];
}

const refusal = (code: ErrorCode, reason: string, text = 'A sentence.') => new AppError(code, reason, text);

describe('what flwr compares is sent literally', () => {
  test.each([
    ['RUN_NOT_FOUND', 'NOT_FOUND', 'Run ID not found'],
    ['NODE_NOT_FOUND', 'NOT_FOUND', 'Node ID not found for account'],
    ['NODE_KEY_TAKEN', 'FAILED_PRECONDITION', 'Public key already in use'],
    ['NODE_KEY_INVALID', 'FAILED_PRECONDITION', 'The provided public key is not valid'],
    ['RUN_NOT_FINISHED', 'FAILED_PRECONDITION', 'Cannot pull artifacts for an unfinished run'],
    ['ARTIFACTS_NOT_CONFIGURED', 'UNIMPLEMENTED', 'ControlServicer initialized without artifact provider'],
  ])('%s', (reason, code, text) => {
    const asWeKnowIt: ErrorCode = code === 'NOT_FOUND' ? 'NOT_FOUND' : 'FAILED_PRECONDITION';
    expect(sent(flowerControl, '', refusal(asWeKnowIt, reason))).toEqual([code, text]);
  });

  test('a federation that does not exist begins as flwr matches it', () => {
    const text = "Federation '@a/b' does not exist, or you may not use it.";
    for (const release of ['', '1.32.1', '1.36.0']) {
      expect(sent(flowerControl, release, refusal('NOT_FOUND', 'FEDERATION_NOT_FOUND', text))).toEqual([
        'FAILED_PRECONDITION',
        text,
      ]);
    }
  });

  test('from 1.30 on, pull says what to configure', () => {
    for (const release of ['1.30.0', '1.36.0']) {
      const [code, text] = sent(flowerControl, release, refusal('FAILED_PRECONDITION', 'ARTIFACTS_NOT_CONFIGURED'));
      expect({ code, text }).toEqual({ code: 'UNIMPLEMENTED', text: expect.stringContaining('[artifacts]') });
    }
  });

  test('from 1.33 on, there is no sentence of its own for an unfinished run', () => {
    const error = refusal('FAILED_PRECONDITION', 'RUN_NOT_FINISHED');
    expect(sent(flowerControl, '1.32.1', error)[1]).toBe('Cannot pull artifacts for an unfinished run');
    expect(sent(flowerControl, '1.33.0', error)[1]).toBe('A sentence.');
  });
});

test('statuses that flwr 1.24 to 1.26 print as error objects come as the one whose text they print', () => {
  for (const code of ['INVALID_ARGUMENT', 'ALREADY_EXISTS', 'RESOURCE_EXHAUSTED', 'ABORTED', 'NOT_FOUND'] as const) {
    expect(sent(flowerControl, '', refusal(code, 'ANY_REASON'))).toEqual(['FAILED_PRECONDITION', 'A sentence.']);
  }
  for (const code of ['UNAUTHENTICATED', 'PERMISSION_DENIED', 'UNAVAILABLE', 'INTERNAL'] as const) {
    expect(sent(flowerControl, '', refusal(code, 'ANY_REASON'))[0]).toBe(code);
  }
});

describe('a login that fails ends every flwr', () => {
  const [denied, away] = [
    refusal('PERMISSION_DENIED', 'LOGIN_DENIED', 'The login was denied.'),
    refusal('UNAVAILABLE', 'IDENTITY_PROVIDER_UNAVAILABLE', 'The identity provider is away.'),
  ];

  test('up to 1.31 an unknown type says why; later a status does', () => {
    for (const [wire, release] of [
      [flowerExec, ''],
      [flowerControl, ''],
      [flowerControl, '1.31.0'],
    ] as const) {
      const excuse = bindingOf(wire, 'login.start').excuse?.(away, headersOf(release));
      const details = proto.GetLoginDetailsResponse.decode(excuse ?? Buffer.alloc(0));
      expect(details).toMatchObject({ authnType: 'unavailable: The identity provider is away.', deviceCode: '' });
    }
    expect(bindingOf(flowerControl, 'login.start').excuse?.(away, headersOf('1.32.0'))).toBeUndefined();
  });

  test('up to 1.31 a poll stays pending until the code has run out; later a status says why', () => {
    const poll = bindingOf(flowerControl, 'login.poll');
    for (const release of ['', '1.31.0']) expect(poll.excuse?.(denied, headersOf(release))).toHaveLength(0);
    expect(poll.excuse?.(denied, headersOf('1.32.1'))).toBeUndefined();
  });

  test('1.18 to 1.20 end upon UNAUTHENTICATED', () => {
    const poll = bindingOf(flowerExec, 'login.poll');
    expect(poll.excuse?.(denied, headersOf(''))).toBeUndefined();
    expect(sent(flowerExec, '', denied)[0]).toBe('UNAUTHENTICATED');
    expect(poll.excuse?.(away, headersOf(''))).toHaveLength(0);
  });
});

describe('1.18 to 1.20 have no sentence for most statuses', () => {
  test('a run that does not exist is an empty list', () => {
    const list = bindingOf(flowerExec, 'runs.list');
    const one = list.instead?.(Buffer.from(proto.ListRunsRequest.encode({ runId: 7n }).finish()));
    const excuse = one?.excuse?.(refusal('NOT_FOUND', 'RUN_NOT_FOUND'), headersOf(''));
    expect(proto.ListRunsResponse.decode(excuse ?? Buffer.from([8])).runDict.size).toBe(0);
    expect(one?.excuse?.(refusal('UNAVAILABLE', 'AUTHORIZATION_UNAVAILABLE'), headersOf(''))).toBeUndefined();
  });

  test('a run that can not be stopped is no success', () => {
    const stop = bindingOf(flowerExec, 'runs.stop');
    for (const reason of ['RUN_NOT_FOUND', 'RUN_FINISHED']) {
      expect(stop.excuse?.(refusal('NOT_FOUND', reason), headersOf(''))).toHaveLength(0);
    }
    expect(stop.excuse?.(refusal('UNAVAILABLE', 'ENGINE_UNAVAILABLE'), headersOf(''))).toBeUndefined();
    expect(bindingOf(flowerControl, 'runs.stop').excuse).toBeUndefined();
  });
});

function bindingOf(wire: Wire, method: string): Binding {
  const found = wire.bindings.find((one) => one.method === method);
  if (!found) throw new Error(`${wire.name} has no ${method}`);
  return found;
}
