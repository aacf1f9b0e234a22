/**
 * True where an object of valid JSON names a key twice, however it is spelled: parsers differ in which one they take, so
 * what one has checked another would not see (RFC 8259 section 4, RFC 7515 section 4).
 */
export function repeatsKeys(json: string): boolean {
  /** Keys of each object that is open; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let key = false;
  for (let at = 0; at < json.length; at += 1) {
    const char = json[at];
    if (char === '{' || char === '[') open.push(char === '{' ? new Set() : undefined);
    else if (char === '}' || char === ']') open.pop();
    else if (char === '"') {
      const end = endOfString(json, at);
      const keys = open.at(-1);
      if (key && keys) {
        const name = JSON.parse(json.slice(at, end + 1)) as string;
        if (keys.has(name)) return true;
        keys.add(name);
      }
      at = end;
    }
    // A string is a key where it follows the start of an object or a comma in one.
    if (char === '{' || (char === ',' && open.at(-1))) key = true;
    else if (char === ':' || char === '[') key = false;
  }
  return false;
}

function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"' && at < json.length) at += json[at] === '\\' ? 2 : 1;
  return at;
}
