/** mulberry32: 32 bits of state, the same sequence for the same seed on every machine. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Picks 0 … n-1; with skew s the k-th is picked in proportion to 1 / (k+1)^s (Zipf), with 0 evenly. */
export function zipf(n: number, skew: number): (uniform: number) => number {
  const sums: number[] = [];
  let sum = 0;
  for (let k = 0; k < n; k++) sums.push((sum += 1 / (k + 1) ** skew));
  return (uniform) => {
    const target = uniform * sum;
    let low = 0;
    let high = n - 1;
    while (low < high) {
      const mid = (low + high) >> 1;
      if ((sums[mid] ?? sum) > target) high = mid;
      else low = mid + 1;
    }
    return low;
  };
}
