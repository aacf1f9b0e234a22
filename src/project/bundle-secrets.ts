/** Places where secrets live; no pattern of an app brings them back (security.md CF-08). */
const SECRET_FOLDERS = new Set(['.flwr', '.git', '.credentials', '.ssh', '.aws', '.gnupg', '.kube']);
const SECRET_NAME =
  /^(\.env.*|id_(rsa|dsa|ecdsa|ed25519).*|credentials\.(json|ya?ml|toml)|\.?pypirc.*)$|\.(pem|key|p12|pfx|jks)$/i;

/** The part of a path for which no bundle may hold it: a folder with its slash, or the whole path; undefined where it may. */
export function secretPart(path: string): string | undefined {
  const parts = path.split('/');
  const folder = parts.slice(0, -1).findIndex((part) => SECRET_FOLDERS.has(part.toLowerCase()) || /^\.env/i.test(part));
  if (folder !== -1) return `${parts.slice(0, folder + 1).join('/')}/`;
  return SECRET_NAME.test(parts.at(-1) ?? '') ? path : undefined;
}
