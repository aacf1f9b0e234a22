/** Who may renew which login: one holder at a time, the others in the order in which they came. */
export interface Leases {
  /** `granted` is called at once, or when those before have let go. @returns lets go, or stops waiting */
  take(id: string, granted: () => void): () => void;
}

interface Claim {
  readonly granted: () => void;
}

export function createLeases(): Leases {
  const queues = new Map<string, Claim[]>();
  return {
    take(id, granted) {
      const claim: Claim = { granted };
      const queue = queues.get(id) ?? [];
      queues.set(id, queue);
      queue.push(claim);
      if (queue.length === 1) granted();
      return () => {
        const place = queue.indexOf(claim);
        if (place < 0) return;
        queue.splice(place, 1);
        if (queue.length === 0) queues.delete(id);
        else if (place === 0) queue[0]?.granted();
      };
    },
  };
}
