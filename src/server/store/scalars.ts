import type { RunConfig, Scalar } from '../../core/runs.ts';

const UNSAFE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

type Tagged = readonly [tag: 'b' | 'i' | 'f' | 's' | 'x', text: string];

function tag(value: Scalar): Tagged {
  switch (typeof value) {
    case 'boolean':
      return ['b', String(value)];
    case 'bigint':
      return ['i', String(value)];
    case 'number':
      return ['f', Object.is(value, -0) ? '-0' : String(value)];
    case 'string':
      return ['s', value];
    default:
      return ['x', Buffer.from(value).toString('base64')];
  }
}

function untag([kind, text]: Tagged): Scalar {
  switch (kind) {
    case 'b':
      return text === 'true';
    case 'i':
      return BigInt(text);
    case 'f':
      return Number(text);
    case 's':
      return text;
    case 'x':
      return Buffer.from(text, 'base64');
  }
}

/** A configuration as JSON text that keeps integers, floats and bytes apart: each value is `[kind, text]`. */
export function configToText(config: RunConfig): string {
  return JSON.stringify(Object.entries(config).map(([key, value]) => [key, tag(value)]));
}

export function configFromText(text: string): RunConfig {
  const config: Record<string, Scalar> = Object.create(null);
  for (const [key, tagged] of JSON.parse(text) as [string, Tagged][]) {
    if (!UNSAFE_KEYS.has(key)) config[key] = untag(tagged);
  }
  return config;
}
