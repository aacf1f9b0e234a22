import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { createPace } from '../../../../src/server/transport/http-body.ts';

const KiB = 1024;
const SECOND = 1000;

function sender() {
  const socket = {
    bytesRead: 500,
    cut: false,
    destroy() {
      this.cut = true;
    },
  };
  const request = Object.assign(new EventEmitter(), { socket, complete: false });
  return { socket, request: request as unknown as IncomingMessage & { complete: boolean } };
}

describe('T-28: the pace of a body', () => {
  const pace = () => createPace({ graceMs: 30 * SECOND, bytesPerSecond: 8 * KiB });

  test('a slow line passes: 12 MiB at 10 KiB a second', () => {
    const { check, watch } = pace();
    const { socket, request } = sender();
    watch(request, 0);
    for (let second = 1; second <= 1200; second += 1) {
      socket.bytesRead += 10 * KiB;
      check(second * SECOND);
    }
    expect(socket.cut).toBe(false);
  });

  test('a byte now and then does not', () => {
    const { check, watch } = pace();
    const { socket, request } = sender();
    watch(request, 0);
    let cutAt = 0;
    for (let second = 1; cutAt === 0; second += 1) {
      socket.bytesRead += 1;
      check(second * SECOND);
      if (socket.cut) cutAt = second;
    }
    expect(cutAt).toBe(31);
  });

  test('speed at first is no credit for a long pause', () => {
    const { check, watch } = pace();
    const { socket, request } = sender();
    watch(request, 0);
    socket.bytesRead += 8 * KiB * KiB;
    check(1 * SECOND);
    check(31 * SECOND);
    expect(socket.cut).toBe(false);
    check(32 * SECOND);
    expect(socket.cut).toBe(true);
  });

  test('who is done, or gone, is left alone', () => {
    const { check, watch } = pace();
    const [done, ended, gone] = [sender(), sender(), sender()];
    for (const { request } of [done, ended, gone]) watch(request, 0);
    done.request.complete = true;
    ended.request.emit('end');
    gone.request.emit('close');
    check(1000 * SECOND);
    expect([done, ended, gone].map(({ socket }) => socket.cut)).toEqual([false, false, false]);
  });
});
