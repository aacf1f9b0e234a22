import { AppError } from '../core/errors.ts';

/** "0:07", "12:03", "1:02:03", "3d 04:05": time that has passed. */
export function clockTime(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  const [days, hours, minutes, rest] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  if (days > 0) return `${days}d ${two(hours)}:${two(minutes)}`;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** "45 seconds", "9 minutes", "3 hours", "13 days": time that is left, rounded, in its largest unit. */
export function roughTime(seconds: number): string {
  const units = [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ] as const;
  const [size, name] = units.find(([unit]) => seconds >= unit * 2) ?? [1, 'second'];
  const count = Math.max(0, Math.round(seconds / size));
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const MAX_SECONDS = 10 * 366 * 86_400;

/** Seconds of "90s", "30m", "1h", "7d", "2w" or a sum such as "1h30m". @throws INVALID_ARGUMENT USAGE */
export function parseDuration(text: string): number {
  if (/^(?:[0-9]{1,9}[smhdw])+$/.test(text)) {
    const parts = text.match(/[0-9]+[smhdw]/g) ?? [];
    const seconds = parts.reduce((sum, part) => sum + Number(part.slice(0, -1)) * (UNITS[part.slice(-1)] ?? 0), 0);
    if (seconds > 0 && seconds <= MAX_SECONDS) return seconds;
  }
  throw new AppError('INVALID_ARGUMENT', 'USAGE', `"${text}" is no length of time.`, {
    hint: 'Write a number and a unit: 45m, 1h, 7d, 2w, or 1h30m; ten years at most.',
  });
}

/** Seconds of a number alone, or of a length of time as {@link parseDuration} reads it. @throws INVALID_ARGUMENT USAGE */
export function parseSeconds(text: string): number {
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : parseDuration(text);
}

/** Seconds from `now` (epoch ms) to an ISO 8601 time with a zone ("2026-12-01T18:00Z"). @throws INVALID_ARGUMENT USAGE */
export function secondsUntil(text: string, now: number): number {
  const zoned = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const at = zoned ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) {
    throw new AppError('INVALID_ARGUMENT', 'USAGE', `"${text}" is no point in time.`, {
      hint: 'Write it as 2026-12-01 (midnight UTC) or 2026-12-01T18:00Z.',
    });
  }
  const seconds = Math.ceil((at - now) / 1000);
  if (seconds > 0 && seconds <= MAX_SECONDS) return seconds;
  throw new AppError('INVALID_ARGUMENT', 'USAGE', `${text} does not lie in the next ten years.`);
}
