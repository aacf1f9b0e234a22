/** What a token may be narrowed to (`fedctl token --scope`). A token without scopes may do all that its account may. */
export const SCOPES = [
  'runs:read',
  'runs:write',
  'nodes:read',
  'nodes:write',
  'federations:read',
  'federations:write',
  'access:read',
  'access:write',
  'account:read',
  'account:write',
] as const;

export type Scope = (typeof SCOPES)[number];

export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}
