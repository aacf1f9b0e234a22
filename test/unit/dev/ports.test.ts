import { describe, expect, test } from '@jest/globals';
import { layOutPorts } from '../../../src/dev/ports.ts';

describe('ports of the stack', () => {
  test('stand in a row from the base', () => {
    expect(Object.values(layOutPorts(9093))).toEqual([9093, 9094, 9095, 9096, 9097, 9098, 9099, 9100, 9101, 9102]);
    expect(layOutPorts(20_000)).toMatchObject({ grpc: 20_000, https: 20_001, issuer: 20_002 });
  });

  test.each([0, 1023, 65_527, 70_000, 9093.5, Number.NaN])('a base of %p is refused', (base) => {
    expect(() => layOutPorts(base)).toThrow(expect.objectContaining({ reason: 'DEV_PORTS_INVALID' }));
  });

  test('the last possible base is taken', () => {
    expect(Math.max(...Object.values(layOutPorts(65_526)))).toBe(65_535);
  });
});
