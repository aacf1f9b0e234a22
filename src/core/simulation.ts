export type SettingKind = 'integer' | 'float' | 'string' | 'boolean';

/** Flower's simulation settings by the names of their fields in its message (flower/facts 4.2). */
export const SIMULATION_FIELDS = {
  numSupernodes: 'integer',
  clientResourcesNumCpus: 'integer',
  clientResourcesNumGpus: 'float',
  backend: 'string',
  verbose: 'boolean',
  initArgsNumCpus: 'integer',
  initArgsNumGpus: 'integer',
  initArgsLoggingLevel: 'string',
  initArgsLogToDriver: 'boolean',
} as const satisfies Readonly<Record<string, SettingKind>>;

export type SimulationField = keyof typeof SIMULATION_FIELDS;

/** The field that a person means by "num-supernodes", "num_supernodes" or "num.supernodes"; undefined where there is none. */
export function simulationField(key: string): SimulationField | undefined {
  const name = key.replace(/[-._]+([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.hasOwn(SIMULATION_FIELDS, name) ? (name as SimulationField) : undefined;
}

/** A field as a person writes it: "num-supernodes". */
export function simulationKey(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
