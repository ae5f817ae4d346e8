/** The place of a member in an ArrivalQueue. */
export class QueueEntry<Member> {
  before: QueueEntry<Member> | undefined;
  after: QueueEntry<Member> | undefined;
  /** False once it was taken out. */
  waits = true;

  constructor(readonly member: Member) {}
}

/**
 * Members in the order in which they came, each of which can leave at any time.
 *
 * A list, and no Set, for the reason that UnorderedSet gives. An entry that leaves points to none of
 * the others any more: a list can be as bad as a table.
 */
export class ArrivalQueue<Member> {
  #first: QueueEntry<Member> | undefined;
  #last: QueueEntry<Member> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one that has waited longest. */
  get first(): Member | undefined {
    return this.#first?.member;
  }

  /** @returns its place, by which it can be taken out */
  add(member: Member): QueueEntry<Member> {
    const entry = new QueueEntry(member);
    entry.before = this.#last;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.after = entry;
    this.#last = entry;
    this.#size += 1;
    return entry;
  }

  /** As add(), but before all others. */
  addFirst(member: Member): QueueEntry<Member> {
    const entry = new QueueEntry(member);
    entry.after = this.#first;
    if (this.#first === undefined) this.#last = entry;
    else this.#first.before = entry;
    this.#first = entry;
    this.#size += 1;
    return entry;
  }

  /** Takes one out; without effect when it is out already. */
  delete(entry: QueueEntry<Member>): void {
    if (!entry.waits) return;
    entry.waits = false;
    this.#size -= 1;
    const { before, after } = entry;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    entry.before = undefined;
    entry.after = undefined;
  }

  /** Takes out the one that has waited longest. */
  shift(): Member | undefined {
    const first = this.#first;
    if (first === undefined) return undefined;
    this.delete(first);
    return first.member;
  }

  /** Takes all of them out. */
  takeAll(): Member[] {
    return [...this.entries()].map((entry) => {
      this.delete(entry);
      return entry.member;
    });
  }

  /** From the one that has waited longest on. The entry of the moment may be taken out, no other. */
  *entries(): Generator<QueueEntry<Member>, void> {
    let entry = this.#first;
    while (entry !== undefined) {
      const { after }: QueueEntry<Member> = entry;
      yield entry;
      entry = after;
    }
  }
}
