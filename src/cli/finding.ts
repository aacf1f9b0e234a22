import { toFailure } from './failure.ts';
import { safeLine } from './text.ts';

/** One thing looked at. `hint` is the next step where it is not ok. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly text: string;
  readonly hint?: string | undefined;
}

export const ok = (name: string, text: string): Finding => ({ name, state: 'ok', text: safeLine(text) });
export const warn = (name: string, text: string, hint: string): Finding => ({
  name,
  state: 'warn',
  text: safeLine(text),
  hint: safeLine(hint),
});

/** A thrown failure as a finding. */
export function failed(name: string, error: unknown): Finding {
  const { message, hint } = toFailure(error);
  return { name, state: 'fail', text: safeLine(message), hint: hint === undefined ? undefined : safeLine(hint) };
}
