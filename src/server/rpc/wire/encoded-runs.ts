import type { Run } from '../../../core/runs.ts';
import type { SeenRun } from '../methods.ts';

type Encode = (seen: SeenRun) => Uint8Array;

/**
 * `encode`, remembered for as long as the run's object is: it never changes, and the store gives the same one while the
 * run's row stands. Whose run it is is told only in `mine`, of which there are two answers.
 */
export function encodedOnce(encode: Encode): Encode {
  const known = { mine: new WeakMap<Run, Uint8Array>(), others: new WeakMap<Run, Uint8Array>() };
  return (seen) => {
    const answers = seen.mine ? known.mine : known.others;
    const standing = answers.get(seen.run);
    if (standing !== undefined) return standing;
    const made = encode(seen);
    answers.set(seen.run, made);
    return made;
  };
}

/** One message of the fields of several: in protobuf, joining their bytes joins lists and maps. */
export function joined(items: readonly Uint8Array[], rest: Uint8Array): Uint8Array {
  return Buffer.concat([...items, rest]);
}
