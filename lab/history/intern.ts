/**
 * A row is read a hundred times and stored four times: in memory its value is kept once, and so is every text. Nothing is lost;
 * half an hour of reads then fits.
 */
import { keyOf, type Claim, type Contract, type Document, type Key, type Line, type Value } from './types.js';

/** Values of a key at a position are forgotten beyond so many: then they are merely kept twice. */
const MOST = 4_000_000;

export class Interner {
  private readonly texts = new Map<string, string>();
  private readonly values = new Map<string, readonly { readonly json: string; readonly value: Value }[]>();
  private readonly lists = new Map<string, readonly string[]>();

  /** The same line, sharing what was seen before. */
  line(line: Line): Line {
    switch (line.type) {
      case 'truth':
        return {
          ...line,
          incarnation: this.text(line.incarnation),
          documents: line.documents.map((d) => this.document(d, line.position)),
        };
      case 'stored':
        return { ...line, ...this.key(line), value: this.value(line, line.position, line.value) };
      case 'answer':
        return {
          ...line,
          session: this.text(line.session),
          server: this.text(line.server),
          query: this.text(line.query),
          claims: line.claims.map((claim) => this.claim(claim)),
        };
      default:
        return line;
    }
  }

  private claim(claim: Claim): Claim {
    const contract = this.contract(claim.contract);
    if (claim.subject === 'set')
      return { ...claim, contract, members: claim.members.map((member) => this.text(member)) };
    const value = claim.value === null ? null : this.value(claim, contract.position, claim.value);
    return { ...claim, ...this.key(claim), value, contract };
  }

  private contract(contract: Contract): Contract {
    return {
      ...contract,
      asOf: this.maybe(contract.asOf),
      sourceAsOf: this.maybe(contract.sourceAsOf),
      lastCheckpointTime: this.maybe(contract.lastCheckpointTime),
      lastCdcSyncTime: this.maybe(contract.lastCdcSyncTime),
      reasons: this.list(contract.reasons),
    };
  }

  private document(document: Document, position: number): Document {
    return {
      ...document,
      ...this.key(document),
      value: this.value(document, position, document.value),
      pipeline: this.text(document.pipeline),
      run: this.text(document.run),
      reasons: this.list(document.reasons),
    };
  }

  private key({ kind, engine, businessKey }: Key): Key {
    return { kind: this.text(kind), engine, businessKey: this.text(businessKey) };
  }

  private value(key: Key, position: number | null, value: Value): Value {
    const id = `${keyOf(key)}|${position}`;
    const json = JSON.stringify(value);
    const known = this.values.get(id) ?? [];
    const same = known.find((one) => one.json === json);
    if (same !== undefined) return same.value;
    if (this.values.size < MOST) this.values.set(id, [...known, { json, value }]);
    return value;
  }

  private list(list: readonly string[]): readonly string[] {
    const id = list.join();
    const known = this.lists.get(id);
    if (known !== undefined) return known;
    this.lists.set(id, list);
    return list;
  }

  private maybe(text: string | null): string | null {
    return text === null ? null : this.text(text);
  }

  private text(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    if (this.texts.size < MOST) this.texts.set(text, text);
    return text;
  }
}
