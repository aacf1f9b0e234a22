import pino from 'pino';
import type { Logger } from '../../core/log.ts';
import { plainText } from '../../core/text.ts';
import type { ServerConfig } from '../config/types.ts';
import { redact, redactText } from './redaction.ts';

export interface LineSink {
  /** One record with its line feed. */
  write(line: string): void;
}

/**
 * The server's log: one record per line whatever is in it (security.md T-22), secrets cut at any depth.
 * `sink` is standard output if absent.
 */
export function createLogger({ level, format }: ServerConfig['log'], sink?: LineSink): Logger {
  const lines = sink ?? pino.destination({ fd: 1, sync: true });
  const target = format === 'pretty' ? prettySink(lines) : lines;
  return wrap(
    pino(
      {
        level,
        base: null,
        // Fields are plain already; pino's own serializer would add to them.
        serializers: { err: (plain: unknown) => plain },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      target,
    ),
  );
}

function wrap(logger: pino.Logger): Logger {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) => {
    if (logger.isLevelEnabled(level)) logger[level](safeFields(fields), redactText(message));
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(logger.child(safeFields(fields))),
  };
}

const OWN_FIELDS = new Set(['level', 'time', 'msg']);

/** Plain data; fields that would forge the record's own ones get a line below their name. */
function safeFields(fields: object): object {
  const plain = redact(fields);
  const entries = Object.entries(typeof plain === 'object' && plain !== null ? plain : {});
  return Object.fromEntries(entries.map(([name, value]) => [OWN_FIELDS.has(name) ? `${name}_` : name, value]));
}

/** "12:00:01 INFO  message  key=value": for people. */
function prettySink(lines: LineSink): LineSink {
  return {
    write(line) {
      const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
      const pairs = Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`);
      const clock = String(time).slice(11, 19);
      const head = `${clock} ${String(level).toUpperCase().padEnd(5)} ${plainText(String(msg), 2000)}`;
      lines.write(`${plainText([head, ...pairs].join('  '), 8000)}\n`);
    },
  };
}

function shown(value: unknown): string {
  if (typeof value === 'string' && /^[\w.:/@+-]+$/.test(value)) return value;
  return JSON.stringify(value) ?? '';
}
