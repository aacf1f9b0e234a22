import { describe, expect, test } from '@jest/globals';
import { grpcFailure } from '../../../src/flower/grpc-errors.ts';
import { httpFailure } from '../../../src/flower/http-errors.ts';
import { engineError, isRunUnknown, nodeError } from '../../../src/server/engine/errors.ts';

const grpc = (code: number, details: string) => grpcFailure({ code, details }, false);
const json = (body: object) => JSON.stringify(body);

describe('errors of the engine over gRPC', () => {
  test.each([
    [5, 'FAILED_PRECONDITION', 'ENGINE_REFUSED'],
    [6, 'FAILED_PRECONDITION', 'ENGINE_REFUSED'],
    [9, 'FAILED_PRECONDITION', 'ENGINE_REFUSED'],
    [7, 'FAILED_PRECONDITION', 'ENGINE_REFUSED'],
    [14, 'UNAVAILABLE', 'ENGINE_UNAVAILABLE'],
    [4, 'UNAVAILABLE', 'ENGINE_UNAVAILABLE'],
    [1, 'UNAVAILABLE', 'ENGINE_UNAVAILABLE'],
    [2, 'INTERNAL', 'ENGINE_ANSWER_INVALID'],
    [13, 'INTERNAL', 'ENGINE_ANSWER_INVALID'],
    [99, 'INTERNAL', 'ENGINE_ANSWER_INVALID'],
  ])('status %d', (code, ours, reason) => {
    expect(engineError('main', grpc(code, 'private text'))).toMatchObject({ code: ours, reason });
  });

  test('a call that we gave up is cancelled, not broken', () => {
    expect(engineError('main', grpcFailure({ code: 1 }, true))).toMatchObject({ code: 'CANCELLED' });
  });

  test("only a refusal shows the engine's text, on one line; JSON in two spellings", () => {
    const text = (details: string, code = 9) => (engineError('main', grpc(code, details)) as Error).message;
    expect(text("Key 'x'\u001b[31m\nis missing")).toBe("Key 'x' [31m is missing");
    expect(text('{"code":1,"public_message":"No.","public_details":"Why"}')).toBe('No. Why');
    expect(text('{"code":1,"detail":"No."}')).toBe('No.');
    expect(text('Traceback: secret', 13)).not.toContain('secret');
  });

  test('what is no failure of a call goes through', () => {
    const error = new Error('boom');
    expect(engineError('main', error)).toBe(error);
  });
});

describe('errors of the engine over HTTP', () => {
  test.each([
    [404, json({ code: 16, detail: 'Run ID not found.' }), 'ENGINE_REFUSED'],
    [412, json({ code: 15, detail: 'Invalid run config.', extra: "Key 'x'" }), 'ENGINE_REFUSED'],
    [500, json({ code: 14, detail: 'Failed to create run.' }), 'ENGINE_REFUSED'],
    [500, json({ detail: 'Internal server error.' }), 'ENGINE_ANSWER_INVALID'],
    [500, 'Internal Server Error', 'ENGINE_ANSWER_INVALID'],
    [502, '<html>Bad gateway</html>', 'ENGINE_UNAVAILABLE'],
    [503, json({ code: 1005, detail: 'Not ready.' }), 'ENGINE_UNAVAILABLE'],
    [404, '<html>nothing here</html>', 'ENGINE_ANSWER_INVALID'],
    [302, '', 'ENGINE_ANSWER_INVALID'],
    [204, '', 'ENGINE_ANSWER_INVALID'],
  ])('status %d %s', (status, body, reason) => {
    expect(engineError('main', httpFailure(status, body))).toMatchObject({ reason });
  });

  test('I1: only the engine itself can say that it does not know a run', () => {
    const unknown = (status: number, body: string) => isRunUnknown(httpFailure(status, body));
    expect(unknown(404, json({ code: 16, detail: 'Run ID not found.' }))).toBe(true);
    expect(unknown(404, json({ code: 2, detail: 'Federation not found.' }))).toBe(false);
    expect(unknown(404, json({ detail: 'Not Found' }))).toBe(false);
    expect(unknown(404, '<html>404</html>')).toBe(false);
    expect(unknown(404, '')).toBe(false);
    expect(isRunUnknown(grpc(5, 'Run ID not found'))).toBe(true);
    expect(isRunUnknown(grpc(12, 'Received HTTP status code 404'))).toBe(false);
  });
});

describe('errors about a SuperNode', () => {
  test.each([
    [grpc(9, 'Public key already in use'), 'NODE_KEY_TAKEN'],
    [grpc(9, 'The provided public key is not valid'), 'NODE_KEY_INVALID'],
    [grpc(5, 'Node ID not found for account'), 'NODE_NOT_FOUND'],
    [grpc(9, 'Something else'), 'ENGINE_REFUSED'],
    [httpFailure(412, json({ code: 23, detail: 'x' })), 'NODE_KEY_TAKEN'],
    [httpFailure(412, json({ code: 22, detail: 'x' })), 'NODE_KEY_INVALID'],
    [httpFailure(404, json({ code: 24, detail: 'x' })), 'NODE_NOT_FOUND'],
    [httpFailure(400, json({ code: 45, detail: 'x' })), 'ENGINE_REFUSED'],
    [httpFailure(502, ''), 'ENGINE_UNAVAILABLE'],
  ])('%s', (failure, reason) => {
    expect(nodeError('main', failure)).toMatchObject({ reason });
  });
});
