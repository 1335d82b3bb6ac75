/** Chance from a seed: the same seed, the same numbers (sfc32). */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d = 1;

  constructor(seed: number) {
    this.a = seed >>> 0;
    this.b = Math.floor(seed / 2 ** 32) >>> 0;
    this.c = 0x9e3779b9;
    for (let n = 0; n < 12; n += 1) this.uint();
  }

  uint(): number {
    const sum = (this.a + this.b + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** In [0, 1). */
  unit(): number {
    return this.uint() / 2 ** 32;
  }

  /** In [0, below), whole. */
  below(below: number): number {
    return Math.floor(this.unit() * below);
  }

  between(low: number, high: number): number {
    return low + this.unit() * (high - low);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Mostly small, sometimes large: how long things take. */
  latency(typical: number): number {
    return -Math.log(1 - this.unit()) * typical * (this.chance(0.05) ? 10 : 1);
  }

  name(): string {
    return this.uint().toString(16).padStart(8, '0') + this.uint().toString(16).padStart(8, '0');
  }
}
