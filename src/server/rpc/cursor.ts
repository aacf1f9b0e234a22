import { AppError } from '../../core/errors.ts';

/** Where a page ended: the last row looked at. */
export interface Position {
  readonly createdAt: number;
  readonly key: string;
}

/** Opaque to clients; says nothing that they could not know and grants nothing: each row is checked. */
export function encodeCursor(position: Position): string {
  return Buffer.from(`${position.createdAt} ${position.key}`).toString('base64url');
}

/** @throws INVALID_ARGUMENT CURSOR_INVALID */
export function decodeCursor(cursor: string): Position | undefined {
  if (cursor === '') return undefined;
  const match = /^(\d{1,16}) ([\w.-]{1,128})$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (!match?.[1] || !match[2]) {
    throw new AppError('INVALID_ARGUMENT', 'CURSOR_INVALID', 'That cursor is not one that this server gave out.', {
      hint: 'Take it from the answer before, or leave it out to begin at the newest run.',
    });
  }
  return { createdAt: Number(match[1]), key: match[2] };
}
